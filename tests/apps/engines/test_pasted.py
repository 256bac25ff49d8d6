"""Word and PowerPoint files whose pages are pictures."""

import io
from collections.abc import Callable
from pathlib import Path

import docx
import pptx
import pytest
from PIL import Image

from apps.engines.media_types import MediaType
from apps.engines.parsers.sandbox import Limits, SandboxParser
from apps.rag.ports import Block, ParseError
from tests.samples import sample

Read = Callable[[bytes, MediaType], list[Block]]


def word(*pictures: bytes, text: str = "") -> bytes:
    made, out = docx.Document(), io.BytesIO()
    if text:
        made.add_paragraph(text)
    for picture in pictures:
        made.add_picture(io.BytesIO(picture))
    made.save(out)
    return out.getvalue()


def slides(picture: bytes) -> bytes:
    made, out = pptx.Presentation(), io.BytesIO()
    slide = made.slides.add_slide(made.slide_layouts[6])
    slide.shapes.add_picture(io.BytesIO(picture), 0, 0)
    made.save(out)
    return out.getvalue()


def said(blocks: list[Block]) -> str:
    return "".join("".join(block.text.split()) for block in blocks)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (word(sample("scan_letter.png"), text="Lease"), MediaType.DOCX),
        (slides(sample("scan_letter.png")), MediaType.PPTX),
    ],
    ids=["word", "slides"],
)
def test_a_file_of_pasted_scans_is_recognised(
    read: Read, data: bytes, media_type: MediaType
) -> None:
    alone = said(read(sample("scan_letter.png"), MediaType.PNG))
    blocks = read(data, media_type)
    assert alone in said(blocks)
    seen = [block for block in blocks if block.confidence is not None]
    assert seen
    assert {(block.page, block.boxes) for block in seen} == {(None, ())}


def test_pictures_come_in_their_order(read: Read) -> None:
    letter = said(read(sample("scan_letter.png"), MediaType.PNG))
    phone = said(read(sample("scan_phone.jpg"), MediaType.JPEG))
    whole = said(read(word(sample("scan_phone.jpg"), sample("scan_letter.png")), MediaType.DOCX))
    assert whole == phone + letter


def test_pictures_in_a_file_of_words_are_not_read(read: Read) -> None:
    words = "The lessee keeps the machine insured against fire and theft. " * 5
    blocks = read(word(sample("scan_letter.png"), text=words), MediaType.DOCX)
    assert {block.confidence for block in blocks} == {None}
    assert len(blocks) == 1


def test_logos_are_not_read(read: Read) -> None:
    small = io.BytesIO()
    Image.open(io.BytesIO(sample("scan_letter.png"))).resize((300, 424)).save(small, "PNG")
    with pytest.raises(ParseError, match="NO_TEXT"):
        read(word(small.getvalue()), MediaType.DOCX)


def test_a_broken_picture_leaves_the_others_readable(read: Read) -> None:
    data = word(sample("scan_letter.png"))
    broken = word(sample("scan_letter.png"), sample("scan_phone.jpg"))
    cut = broken.replace(sample("scan_phone.jpg")[2000:9000], bytes(7000))
    assert said(read(data, MediaType.DOCX)) in said(read(cut, MediaType.DOCX))


def test_switched_off_a_file_of_pictures_says_so(tmp_path: Path) -> None:
    parser = SandboxParser(Limits(seconds=30, memory_bytes=1 << 30, pages=0))
    (tmp_path / "blob").write_bytes(word(sample("scan_letter.png")))
    try:
        with pytest.raises(ParseError, match="OCR_OFF"):
            parser.parse(tmp_path / "blob", media_type=MediaType.DOCX)
    finally:
        parser.close()
