"""E-mail: who, when, what, and what is attached; broken and hostile mail gets a code."""

import tempfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from apps.engines.media_types import MediaType
from apps.engines.parsers import readers
from apps.engines.parsers.mail.compressed_rtf import decompressed
from apps.engines.parsers.mail.mail_parser import MailParser
from apps.engines.parsers.office.rtf_parser import rtf_blocks
from apps.rag.ports import Block, BlockKind, ParseError
from tests.apps.engines.conftest import Read
from tests.apps.engines.public_data import DATA
from tests.samples import sample

TITLE, TEXT, TABLE, ITEM = BlockKind.TITLE, BlockKind.TEXT, BlockKind.TABLE, BlockKind.LIST_ITEM


def mail(subject: str = "泵的检修", text: str = "Close the valve.\n\n停泵。") -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "Ann <a@x.org>", "b@x.org"
    message["Date"] = "Fri, 01 May 2026 08:00:00 +0000"
    message.set_content(text)
    return message


def plain(blocks: list[Block]) -> list[tuple[BlockKind, int, str]]:
    return [(block.kind, block.level, block.text) for block in blocks]


LOCKED = b"Subject: x\nContent-Type: multipart/encrypted; boundary=b\n\n--b\n\nx\n--b--"
HEAD = "From: Ann <a@x.org>\nTo: b@x.org\nDate: Fri, 01 May 2026 08:00:00 +0000"


def test_a_mail_is_its_subject_its_head_and_its_text(read: Read) -> None:
    assert plain(read(bytes(mail()), MediaType.EML)) == [
        (TITLE, 1, "泵的检修"),
        (TEXT, 0, HEAD),
        (TEXT, 0, "Close the valve."),
        (TEXT, 0, "停泵。"),
    ]


def test_of_two_bodies_the_one_with_the_table_is_read(read: Read) -> None:
    letter, figures = mail(text="A letter in plain words."), mail(text="part stock valve 14")
    letter.add_alternative("<p>A letter in <b>other</b> words.</p>", subtype="html")
    table = "<table><tr><th>part</th><th>stock</th></tr><tr><td>阀</td><td>14</td></tr></table>"
    figures.add_alternative(table, subtype="html", charset="gb18030")
    assert read(bytes(letter), MediaType.EML)[-1].text == "A letter in plain words."
    assert read(bytes(figures), MediaType.EML)[-1].text == "part | stock\n阀 | 14"


def test_what_is_attached_follows_under_its_name_and_what_is_not_read_is_listed(
    read: Read,
) -> None:
    message = mail(text="See below.")
    message.add_attachment(sample("sample.docx"), "application", "octet-stream", filename="a.docx")
    message.add_attachment(b"\x89PNG" + bytes(50), "image", "png", filename="b.png")
    message.add_attachment(b"not a pdf", "application", "pdf", filename="c.pdf")
    message.add_attachment(mail("Inner", "Said before."))
    blocks = read(bytes(message), MediaType.EML)
    assert [block.text for block in blocks if block.kind is ITEM][:2] == ["b.png", "c.pdf"]
    titles = [(level, text) for kind, level, text in plain(blocks) if kind is TITLE]
    assert titles == [
        (1, "泵的检修"),
        (2, "a.docx"),
        (3, "采购管理办法"),
        (4, "审批权限"),
        (4, "Delivery"),
        (3, "Inner"),
    ]
    assert blocks[-1].text == "Said before."
    assert {block.page for block in blocks} == {None}


def test_mails_inside_of_mails_end_somewhere(read: Read) -> None:
    message = mail("0", "deep")
    for number in range(1, 12):
        around = mail(str(number))
        around.add_attachment(message)
        message = around
    titles = [block.text for block in read(bytes(message), MediaType.EML) if block.kind is TITLE]
    assert titles[:3] == ["11", "10", "9"]
    assert "0" not in titles


def test_what_is_attached_leaves_no_file_behind(read: Read) -> None:
    message = mail()
    message.add_attachment(sample("sample.docx"), "application", "octet-stream", filename="a.docx")
    read(bytes(message), MediaType.EML)
    assert not list(Path(tempfile.gettempdir()).glob("footnote-part-*"))


def test_a_folder_of_mails_is_read_mail_by_mail(read: Read) -> None:
    mails = [bytes(mail(f"Mail {number}", f"From here on, {number}.")) for number in (1, 2)]
    data = b"\n".join(b"From ann Fri May  1 08:00:00 2026\n" + each for each in mails)
    blocks = read(data, MediaType.MBOX)
    assert [block.text for block in blocks if block.kind is TITLE] == ["Mail 1", "Mail 2"]
    assert blocks[-1].text == "From here on, 2."


def test_a_name_of_an_encoding_that_is_not_true_is_not_believed(read: Read) -> None:
    for said, encoding in (("us-ascii", "gb18030"), ("no-such", "utf-8"), ("iso-8859-1", "utf-8")):
        head = f"Subject: x\nContent-Type: text/plain; charset={said}\n\n".encode()
        blocks = read(head + "合同期限为三年，自签订之日起计算。".encode(encoding), MediaType.EML)
        assert blocks[-1].text == "合同期限为三年，自签订之日起计算。"


@pytest.mark.parametrize(
    ("data", "media_type", "code"),
    [
        (b"no head at all", MediaType.EML, "UNREADABLE"),
        (b"no mail begins", MediaType.MBOX, "UNREADABLE"),
        (LOCKED, MediaType.EML, "ENCRYPTED"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), MediaType.MSG, "UNREADABLE"),
        (b"not outlook", MediaType.MSG, "UNREADABLE"),
    ],
    ids=["head", "folder", "encrypted", "container", "text"],
)
def test_mail_that_cannot_be_read_says_why(
    read: Read, data: bytes, media_type: MediaType, code: str
) -> None:
    with pytest.raises(ParseError) as caught:
        read(data, media_type)
    assert caught.value.code == code


def test_parts_without_end_are_too_costly(read: Read) -> None:
    parts = "".join(f"--b\nContent-Type: text/plain\n\n{n}\n" for n in range(3000))
    head = "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n"
    with pytest.raises(ParseError) as caught:
        read((head + parts + "--b--\n").encode(), MediaType.EML)
    assert caught.value.code == "TOO_COSTLY"


def test_outlooks_own_format_is_read(read: Read) -> None:
    path = DATA / "tika_docs" / "files" / "testMSG.msg"
    if not path.exists():
        pytest.skip(f"{path} is not there: set BENCH_DATA to the folder of public data sets")
    blocks = read(path.read_bytes(), MediaType.MSG)
    assert blocks[0].kind is TITLE
    assert blocks[1].text.startswith("From: ")
    assert len(blocks) > 3


def test_packed_rich_text_is_unpacked() -> None:
    """The example of [MS-OXRTFCP] 3.1.1."""
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a00726370673132354232"
        "0af32068656c090020627705b06c647d0a800fa0"
    )
    source = decompressed(packed)
    assert source == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert [block.text for block in rtf_blocks(source)] == ["hello world"]


@pytest.mark.parametrize("data", [b"", b"LZFu" * 8, bytes(12) + b"\xff" * 30])
def test_noise_is_no_packed_rich_text(data: bytes) -> None:
    with pytest.raises(ParseError):
        decompressed(data)


def test_a_broken_attachment_leaves_its_mail_readable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Libraries raise whatever a broken file makes them: here the reader of what is attached."""

    def broken(_path: Path, _media_type: str) -> list[Block]:
        raise KeyError("word/styles.xml")

    monkeypatch.setattr(readers, "read", broken)
    message = mail()
    message.add_attachment(b"{\\rtf1 x}", maintype="application", subtype="rtf", filename="a.rtf")
    path = tmp_path / "mail"
    path.write_bytes(bytes(message))
    blocks = MailParser().parse(path, media_type=MediaType.EML)
    assert (ITEM, 0, "a.rtf") in plain(blocks)
    assert "Close the valve." in [block.text for block in blocks]
