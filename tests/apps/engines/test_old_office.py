"""Word and PowerPoint files of before 2007: structure kept, broken ones refused with a code."""

from pathlib import Path

import pytest

from apps.documents.arrival.sniff import media_type_of
from apps.engines.media_types import MediaType
from apps.rag.ports import Block, BlockKind, ParseError
from tests.apps.engines.conftest import Read
from tests.apps.engines.public_data import DATA
from tests.samples.ole2 import container, doc, ppt

TITLE, TEXT, TABLE, ITEM = BlockKind.TITLE, BlockKind.TEXT, BlockKind.TABLE, BlockKind.LIST_ITEM
PLAIN, HEADING = b"\x00\x00", b"\x02\x00"
CELL, ROW = b"\x00\x00\x16\x24\x01", b"\x00\x00\x16\x24\x01\x17\x24\x01"
IN_LIST = b"\x00\x00\x0b\x46\x01\x00"


def plain(blocks: list[Block]) -> list[tuple[BlockKind, int, str]]:
    return [(block.kind, block.level, block.text) for block in blocks]


def public(name: str) -> bytes:
    path = DATA / "tika_docs" / "files" / name
    if not path.exists():
        pytest.skip(f"{path} is not there: set BENCH_DATA to the folder of public data sets")
    return path.read_bytes()


def test_old_word_keeps_headings_lists_tables_and_shows_fields(read: Read) -> None:
    data = doc(
        [
            ("采购办法\r", HEADING),
            ("See \x13 HYPERLINK x \x14the \U0001f600 link\x15 now.\x0bPlease.\r", PLAIN),
            ("first\r", IN_LIST),
            ("金额\x07", CELL),
            ("审批人\x07", CELL),
            ("\x07", ROW),
            ("十万\x07", CELL),
            ("two\r", CELL),
            ("lines\x07", CELL),
            ("\x07", ROW),
        ]
    )
    blocks = read(data, MediaType.DOC)
    assert plain(blocks) == [
        (TITLE, 2, "采购办法"),
        (TEXT, 0, "See the \U0001f600 link now.\nPlease."),
        (ITEM, 0, "first"),
        (TABLE, 0, "金额 | 审批人\n十万 | two lines"),
    ]
    assert blocks[-1].header == "金额 | 审批人"


def test_old_slides_are_pages_with_their_titles_first(read: Read) -> None:
    blocks = read(ppt(("Plan", "Pumps\rValves"), ("预算", "三十万元")), MediaType.PPT)
    assert [(block.page, block.kind, block.text) for block in blocks] == [
        (1, TITLE, "Plan"),
        (1, TEXT, "Pumps\nValves"),
        (2, TITLE, "预算"),
        (2, TEXT, "三十万元"),
    ]


def test_files_that_word_and_powerpoint_wrote_are_read(read: Read) -> None:
    blocks = read(public("testWORD_various.doc"), MediaType.DOC)
    (table,) = [block.text for block in blocks if block.kind is TABLE]
    assert table.split("\n")[1] == "Row 2 Col 1 | Row 2 Col 2 | Row 2 Col 3"
    assert "ゾルゲと尾崎、淡々と最期" in [block.text for block in blocks]
    (title, *texts) = read(public("testPPT_groups.ppt"), MediaType.PPT)
    assert (title.kind, title.text, title.page) == (TITLE, "MyTitle", 1)
    assert "Text box2" in [block.text for block in texts]


@pytest.mark.parametrize(
    ("data", "media_type", "code"),
    [
        (doc([("x\r", PLAIN)], flags=0x0100), MediaType.DOC, "ENCRYPTED"),
        (ppt(("x", "y"), token=0xF3D1C4DF), MediaType.PPT, "ENCRYPTED"),
        (container(WordDocument=b"\xec\xa5" + bytes(600)), MediaType.DOC, "UNREADABLE"),
        (container(WordDocument=b"\xec\xa5" + b"\xff" * 9 + b"\x00" * 600), MediaType.DOC, None),
        (container(PowerPoint_Document=b"\xff" * 5000), MediaType.PPT, "UNREADABLE"),
        (container(Other=b"x"), MediaType.PPT, "UNREADABLE"),
        (doc([("x\r", PLAIN)])[:900], MediaType.DOC, "UNREADABLE"),
        (b"no container", MediaType.DOC, "UNREADABLE"),
    ],
    ids=["doc", "ppt", "no-pieces", "noise", "records", "other", "cut", "text"],
)
def test_old_office_files_that_cannot_be_read_say_why(
    read: Read, data: bytes, media_type: MediaType, code: str | None
) -> None:
    with pytest.raises(ParseError) as caught:
        read(data, media_type)
    assert caught.value.code in ({code} if code else {"ENCRYPTED", "UNREADABLE"})


@pytest.mark.parametrize(
    ("data", "name", "wanted"),
    [
        (doc([("x\r", PLAIN)]), "a.xls", MediaType.DOC),
        (ppt(("x", "y")), "b.ppt", MediaType.PPT),
        (b"{\\rtf1 x}", "c.doc", MediaType.RTF),
    ],
)
def test_old_office_files_are_told_apart_by_what_they_hold(
    tmp_path: Path, data: bytes, name: str, wanted: MediaType
) -> None:
    path = tmp_path / "blob"
    path.write_bytes(data)
    assert media_type_of(path, name) is wanted
