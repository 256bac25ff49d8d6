"""Plain text and separated values: every encoding, lines made whole."""

import json
import os
from collections.abc import Callable

import pytest

from apps.engines.media_types import MediaType
from apps.engines.parsers.encodings import decode, looks_like_text
from apps.rag.ports import Block, BlockKind
from tests.apps.engines.public_data import DATA, needs

Read = Callable[[bytes, MediaType], list[Block]]
TITLE, TABLE, TEXT, ITEM = BlockKind.TITLE, BlockKind.TABLE, BlockKind.TEXT, BlockKind.LIST_ITEM


ENCODINGS = (
    *("utf-8", "utf-8-sig", "gb18030", "gbk", "big5", "utf-16", "utf-16-be", "utf-16-le"),
    *("utf-32", "utf-32-be"),
)
CHINESE = (
    "合同期限为三年，自签订之日起计算。任何一方可以提前九十日书面通知对方解除合同。\n\n"
    "这个城市的人口在过去十年中增长了百分之十二，大部分来自周边地区。\n"
)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_chinese_text_is_read_in_every_encoding(encoding: str) -> None:
    data = CHINESE.encode(encoding, "ignore")
    expected = data.decode(encoding).removeprefix("\ufeff")
    assert decode(data) == expected
    assert looks_like_text(data)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", ["txt", "csv"])
def test_a_thousand_lines_of_chinese_lose_no_character(
    read: Read, encoding: str, kind: str
) -> None:
    path = needs(DATA / "cmrc2018" / "cmrc2018_dev.json")
    articles = json.loads(path.read_text(encoding="utf-8"))["data"][:40]
    contexts = [p["context"] for article in articles for p in article["paragraphs"]]
    if kind == "txt":
        text, media_type = "\n\n".join(contexts), MediaType.TEXT
    else:
        rows = [f'{n},"{context}"' for n, context in enumerate(contexts)]
        text, media_type = "编号,正文\r\n" + "\r\n".join(rows), MediaType.CSV
    data = text.encode(encoding, "ignore")
    wanted = "".join(data.decode(encoding).removeprefix("\ufeff").split())
    got = "".join("".join(block.text for block in read(data, media_type)).split())
    if kind == "csv":
        wanted, got = (
            wanted.replace('"', "").replace(",", ""),
            got.replace("|", "").replace(",", ""),
        )
    missing = sum(wanted.count(char) - got.count(char) for char in set(wanted))
    assert missing <= len(wanted) / 1000


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp932", "この契約の通知期間は九十日です。"),
        ("cp949", "이 계약의 통지 기간은 90일입니다."),
        ("cp1251", "Срок уведомления по договору составляет девяносто дней."),
        ("cp1252", "Le délai de préavis est de quatre-vingt-dix jours, à compter de ce jour."),
        ("ascii", "plain"),
    ],
)
def test_other_languages_are_read_too(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_chinese_that_begins_late_is_found() -> None:
    data = b"x" * 100_000 + "合同期限为三年".encode("gb18030")
    assert decode(data).endswith("合同期限为三年")


@pytest.mark.parametrize(
    "data", [os.urandom(4096), bytes(4096), b"\x7fELF" + bytes(range(256)) * 9]
)
def test_programs_and_noise_are_not_text(data: bytes) -> None:
    assert not looks_like_text(data)


def test_wrapped_lines_are_made_whole_and_lists_are_not(read: Read) -> None:
    wrapped = (
        b"The notice period of this contract is ninety days, counted from the day\n"
        b"on which the other party receives the notice in writing, by letter or by\n"
        b"fax.\n\n- one\n- two\n"
    )
    first, second = read(wrapped, MediaType.TEXT)
    assert "\n" not in first.text
    assert second.text == "- one\n- two"


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b"a,b\n1,2\n", "a | b\n1 | 2"),
        (b"a;b\n1,5;2\n", "a | b\n1,5 | 2"),
        (b"a\tb\n1\t2\n", "a | b\n1 | 2"),
        (b'a,b\n"x, y","line\nbreak"\n', "a | b\nx, y | line break"),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n", "a | b\n1 | 2"),
        (b"a,b\n1,|\n", "a | b\n1 | ¦"),
    ],
    ids=["comma", "semicolon", "tab", "quotes", "mark", "bar"],
)
def test_separated_values_become_rows(read: Read, data: bytes, rows: str) -> None:
    (block,) = read(data, MediaType.CSV)
    assert block.text == rows
