"""Text in pictures: which pages are recognised, in which order, where it stands, how sure it is."""

import io
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from PIL import Image

from apps.engines.media_types import MediaType
from apps.engines.parsers.pdf.text_layer import is_garbage
from apps.engines.parsers.sandbox import Limits, SandboxParser
from apps.rag.ports import Block, BlockKind, ParseError
from tests.samples import sample

Read = Callable[[bytes, MediaType], list[Block]]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[Block]]:
    """The blocks of a PDF with a page of text and four that must be recognised, by page."""
    path = tmp_path_factory.mktemp("scans") / "blob"
    path.write_bytes(sample("scan_mixed.pdf"))
    parser = SandboxParser(Limits(seconds=60, memory_bytes=1 << 30, threads=2))
    try:
        blocks = parser.parse(path, media_type=MediaType.PDF)
    finally:
        parser.close()
    return {page: [b for b in blocks if b.page == page] for page in range(1, 6)}


def said(blocks: list[Block]) -> str:
    return "".join("".join(block.text.split()) for block in blocks)


def test_a_page_with_text_is_read_and_not_recognised(mixed: dict[int, list[Block]]) -> None:
    assert {block.confidence for block in mixed[1]} == {None}
    assert "cover letter is text" in mixed[1][0].text


def test_a_crooked_scan_is_recognised_in_both_languages(mixed: dict[int, list[Block]]) -> None:
    blocks = mixed[2]
    assert (blocks[0].kind, blocks[0].text) == (BlockKind.TITLE, "设备租赁合同")
    assert "每月五日之前支付租金人民币八千六百元" in said(blocks)
    assert "The lessee keeps the machine insured against fire and theft." in blocks[-1].text
    assert all(0.9 < (block.confidence or 0) <= 1 for block in blocks)


def test_a_page_that_lies_on_its_side_is_read_and_marked_where_it_is_shown(
    mixed: dict[int, list[Block]],
) -> None:
    assert "承租人应当在每月五日之前支付租金" in said(mixed[3])
    boxes = [box for block in mixed[3] for box in block.boxes]
    assert {box.page for box in boxes} == {3}
    assert all(box.y1 - box.y0 > box.x1 - box.x0 for box in boxes), "its lines run up the page"
    first, last = boxes[0], boxes[-1]
    assert first.x1 < last.x0, "and the next one stands to the right"


@pytest.mark.parametrize("page", [4, 5])
def test_columns_are_read_one_after_the_other(mixed: dict[int, list[Block]], page: int) -> None:
    title, left, right = mixed[page]
    assert (title.kind, title.text) == (BlockKind.TITLE, "Report on the river")
    assert left.text.startswith("The pump station on the north bank was rebuilt in the spring")
    assert left.text.endswith("close by themselves at four metres.")
    assert right.text.startswith("Inspectors visit the site twice a year")
    assert max(box.x1 for box in left.boxes) < min(box.x0 for box in right.boxes)


def test_boxes_of_a_crooked_scan_stand_where_the_lines_are(mixed: dict[int, list[Block]]) -> None:
    """The notice was drawn in lines 62 pixels apart on a page of 1000 by 1414, then turned."""
    title = mixed[2][0].boxes[0]
    assert title.x0 == pytest.approx(0.105, abs=0.03)
    assert title.y0 == pytest.approx(0.1, abs=0.03)
    assert title.y1 == pytest.approx(0.126, abs=0.03)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("scan_letter.png", MediaType.PNG),
        ("scan_phone.jpg", MediaType.JPEG),
        ("scan_two.tiff", MediaType.TIFF),
    ],
)
def test_a_picture_is_read_as_a_page(read: Read, name: str, media_type: MediaType) -> None:
    blocks = read(sample(name), media_type)
    assert blocks[0].text == "设备租赁合同"
    assert blocks[0].page == 1
    assert blocks[0].boxes[0].y0 == pytest.approx(0.1, abs=0.03), "as it is shown: EXIF is obeyed"
    assert "万分之四支付违约金" in said(blocks)


@pytest.mark.parametrize(("form", "media_type"), [("BMP", MediaType.BMP), ("WEBP", MediaType.WEBP)])
def test_other_forms_of_a_picture_say_the_same(
    read: Read, form: str, media_type: MediaType
) -> None:
    out = io.BytesIO()
    Image.open(io.BytesIO(sample("scan_letter.png"))).convert("RGB").save(out, form)
    assert read(out.getvalue(), media_type)[0].text == "设备租赁合同"


def test_the_pages_of_a_tiff_are_pages(read: Read) -> None:
    blocks = read(sample("scan_two.tiff"), MediaType.TIFF)
    assert {block.page for block in blocks} == {1, 2}
    assert "Report on the river" in {block.text for block in blocks if block.page == 2}


def test_white_text_on_nothing_is_not_needed_to_see_black_text_on_nothing(read: Read) -> None:
    letters = Image.open(io.BytesIO(sample("scan_letter.png"))).convert("L")
    clear = Image.new("RGBA", letters.size, (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), mask=letters.point(lambda value: 255 - value))
    out = io.BytesIO()
    clear.save(out, "PNG")
    assert read(out.getvalue(), MediaType.PNG)[0].text == "设备租赁合同"


# --- what must not happen -------------------------------------------------------------------------
def bomb() -> bytes:
    """A PNG of some kilobytes that says it has 30000 by 30000 pixels."""
    out = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "media_type", "code"),
    [
        (bomb(), MediaType.PNG, "TOO_COSTLY"),
        (sample("scan_letter.png")[:900], MediaType.PNG, "UNREADABLE"),
        (b"\x89PNG\r\n\x1a\n" + b"garbage" * 50, MediaType.PNG, "UNREADABLE"),
        (b"II*\x00\xff\xff\xff\xff", MediaType.TIFF, "UNREADABLE"),
        (sample("scan_letter.png"), MediaType.JPEG, "UNREADABLE"),
    ],
    ids=["bomb", "cut off", "garbage", "a tiff of nothing", "another kind"],
)
def test_a_hostile_picture_says_why_it_is_not_read(
    read: Read, data: bytes, media_type: MediaType, code: str
) -> None:
    with pytest.raises(ParseError) as caught:
        read(data, media_type)
    assert caught.value.code == code


def test_an_empty_picture_has_no_text(read: Read) -> None:
    out = io.BytesIO()
    Image.new("RGB", (600, 400), "white").save(out, "PNG")
    with pytest.raises(ParseError) as caught:
        read(out.getvalue(), MediaType.PNG)
    assert caught.value.code == "NO_TEXT"


def test_progress_is_told_page_by_page(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(sample("scan_two.tiff"))
    told: list[tuple[int, int]] = []

    def beat(done: int | None = None, total: int | None = None, /) -> None:
        if done is not None:
            told.append((done, total or 0))

    parser = SandboxParser(Limits(seconds=30, memory_bytes=1 << 30))
    parser.parse(path, media_type=MediaType.TIFF, beat=beat)
    parser.close()
    assert told == [(0, 2), (1, 2), (2, 2)]


def limited(path: Path, name: str, media_type: MediaType, limits: Limits) -> str:
    path.write_bytes(sample(name))
    parser = SandboxParser(limits)
    try:
        with pytest.raises(ParseError) as caught:
            parser.parse(path, media_type=media_type)
    finally:
        parser.close()
    return f"{caught.value.code} {caught.value}"


def test_more_pages_than_are_recognised_is_too_costly(tmp_path: Path) -> None:
    limits = Limits(seconds=30, memory_bytes=1 << 30, pages=1)
    assert limited(tmp_path / "blob", "scan_two.tiff", MediaType.TIFF, limits).startswith(
        "TOO_COSTLY 2 pages"
    )
    assert limited(tmp_path / "blob", "scan_mixed.pdf", MediaType.PDF, limits).startswith(
        "TOO_COSTLY 4 pages"
    )


def test_a_page_that_takes_too_long_ends_its_file(tmp_path: Path) -> None:
    limits = Limits(seconds=30, memory_bytes=1 << 30, page_seconds=0.05)
    assert limited(tmp_path / "blob", "scan_letter.png", MediaType.PNG, limits) == (
        "TOO_COSTLY more than 0.05 s for a page"
    )


def test_pages_do_not_use_up_the_time_of_their_file(tmp_path: Path) -> None:
    """Four pages take longer than the file may: their time is counted by the page."""
    path = tmp_path / "blob"
    path.write_bytes(sample("scan_mixed.pdf"))
    parser = SandboxParser(Limits(seconds=60, memory_bytes=1 << 30))
    parser.parse(path, media_type=MediaType.PDF)  # imports are paid for
    parser._limits = Limits(seconds=1.5, memory_bytes=1 << 30)
    try:
        assert parser.parse(path, media_type=MediaType.PDF)
    finally:
        parser.close()


def test_switched_off_a_scan_says_so_and_text_is_still_read(tmp_path: Path) -> None:
    off = Limits(seconds=30, memory_bytes=1 << 30, pages=0)
    for name, media_type in (("scan_letter.png", MediaType.PNG), ("scan_pages.pdf", MediaType.PDF)):
        assert limited(tmp_path / "blob", name, media_type, off).startswith("OCR_OFF")
    (tmp_path / "blob").write_bytes(sample("scan_mixed.pdf"))
    parser = SandboxParser(off)
    blocks = parser.parse(tmp_path / "blob", media_type=MediaType.PDF)
    parser.close()
    assert blocks[0].text.startswith("Paragraph 0 of the cover letter")
    assert {block.confidence for block in blocks} == {None}


# --- which text is of use -------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox jumps over the lazy dog, and then over another one. " * 3,
        "第一条 租赁期限为三年，自二〇二四年三月一日起算。" * 5,
        "Příliš žluťoučký kůň úpěl ďábelské ódy, a vlk zmrzl, zhltl hrst zrn. " * 3,
        "Chapter 1 .................... 3\nChapter 2 ................... 17\n" * 3,
        "1,250 2,310 88.20 17 % 4 1,002 (310) 77.5 € 12 " * 5,
        "Nghĩa vụ của bên thuê được quy định tại điều khoản này của hợp đồng. " * 3,
        "Все люди рождаются свободными и равными в своем достоинстве и правах. " * 3,
    ],
)
def test_text_in_any_language_is_of_use(text: str) -> None:
    assert not is_garbage(text)


@pytest.mark.parametrize(
    "text",
    [
        "\ue001\ue002\ue003\ue0ff" * 30,
        "�" * 40 + "a few words",
        "WKH TXLFN EURZQ IRA MXPSV RYHU WKH ODCB GRJ DQG WKHQ RYHU DQRWKHU RQH " * 3,
    ],
)
def test_text_whose_characters_are_not_those_that_are_seen_is_not(text: str) -> None:
    assert is_garbage(text)


# --- inside of other files ------------------------------------------------------------------------
def mail(*names: str) -> bytes:
    letter = EmailMessage()
    letter["Subject"] = "Signed lease"
    letter.set_content("Please find it below.")
    for name in names:
        kind = name.rpartition(".")[2].replace("jpg", "jpeg")
        letter.add_attachment(sample(name), maintype="image", subtype=kind, filename=name)
    return letter.as_bytes()


def test_a_scan_that_a_mail_brings_is_recognised_and_a_logo_is_not(read: Read) -> None:
    blocks = read(mail("scan_phone.jpg", "scan_letter.png"), MediaType.EML)
    texts = [block.text for block in blocks]
    scan = texts.index("scan_phone.jpg")
    assert "万分之四支付违约金" in said(blocks[scan:])
    assert texts.count("scan_letter.png") == 1, "a small picture is listed by its name"
    assert said(blocks).count("设备租赁合同") == 1
    assert {block.page for block in blocks[scan:]} == {None}
    assert all(block.confidence for block in blocks[scan + 1 :])
