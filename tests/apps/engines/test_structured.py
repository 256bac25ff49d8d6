"""Data and subtitles as readable text: keys become headings, records tables, garbage a code."""

import json

import pytest

from apps.engines.media_types import MediaType
from apps.rag.ports import Block, BlockKind, ParseError
from tests.apps.engines.conftest import Read

TITLE, TEXT, TABLE, ITEM = BlockKind.TITLE, BlockKind.TEXT, BlockKind.TABLE, BlockKind.LIST_ITEM


def plain(blocks: list[Block]) -> list[tuple[BlockKind, int, str]]:
    return [(block.kind, block.level, block.text) for block in blocks]


def test_keys_of_json_are_headings_over_their_values_and_records_a_table(read: Read) -> None:
    data = {
        "合同": {"编号": "HT-1", "price": 1.10, "void": None, "signed": True},
        "parties": [{"name": "Nordwind", "city": "Hamburg"}, {"name": "东海", "city": "宁波"}],
        "notes": ["first", "second"],
    }
    text = json.dumps(data, ensure_ascii=False).replace("1.1,", "1.10,")
    blocks = read(text.encode("gb18030"), MediaType.JSON)
    assert plain(blocks) == [
        (TITLE, 1, "合同"),
        (TEXT, 0, "编号: HT-1\nprice: 1.10\nsigned: true"),
        (TITLE, 1, "parties"),
        (TABLE, 0, "name | city\nNordwind | Hamburg\n东海 | 宁波"),
        (TEXT, 0, "notes: first, second"),
    ]
    assert blocks[3].header == "name | city"


def test_a_json_value_a_line_is_a_table_of_them(read: Read) -> None:
    (table,) = read(b'{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n', MediaType.JSON)
    assert table.text == "a | b\n1 | x\n2 | y"


def test_what_is_too_deep_for_a_heading_keeps_its_path(read: Read) -> None:
    data = '{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":"deep"}}}}}}}}'
    blocks = read(data.encode(), MediaType.JSON)
    assert [block.text for block in blocks] == ["a", "b", "c", "d", "e", "f", "g.h: deep"]


@pytest.mark.parametrize(
    "data",
    [b'{"a": ', b"[1, 2", b"\x00\x01\x02", b"[" * 100_000, b"{'a': 1}"],
    ids=["cut", "open", "noise", "deep", "quotes"],
)
def test_broken_json_is_unreadable(read: Read, data: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        read(data, MediaType.JSON)
    assert caught.value.code == "UNREADABLE"


def test_yaml_is_read_with_its_aliases_and_merges_but_makes_no_objects(read: Read) -> None:
    data = """
base: &base
  image: pump
  port: 0o10
service:
  <<: *base
  run: !!python/object/apply:os.system ["echo ran > /tmp/evil"]
  when: 2026-01-01
---
second: yes
"""
    blocks = read(data.encode(), MediaType.YAML)
    assert plain(blocks) == [
        (TITLE, 1, "base"),
        (TEXT, 0, "image: pump\nport: 0o10"),
        (TITLE, 1, "service"),
        (TEXT, 0, "image: pump\nport: 0o10\nrun: echo ran > /tmp/evil\nwhen: 2026-01-01"),
        (TEXT, 0, "second: yes"),
    ]


def test_aliases_of_aliases_are_too_costly(read: Read) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(ParseError) as caught:
        read("\n".join(lines).encode(), MediaType.YAML)
    assert caught.value.code == "TOO_COSTLY"


@pytest.mark.parametrize(
    "data",
    [b"a: [", b"a: &a [*a]", b"\t- x: {", b"[" * 50_000],
    ids=["cut", "itself", "tab", "deep"],
)
def test_broken_yaml_is_refused_with_a_code(read: Read, data: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        read(data, MediaType.YAML)
    assert caught.value.code in {"UNREADABLE", "TOO_COSTLY"}


def test_elements_of_xml_are_headings_lines_and_tables(read: Read) -> None:
    data = """<?xml version="1.0" encoding="gb2312"?>
<order xmlns="urn:x" no="7"><!-- seen --><buyer><name>东海泵业</name><city>宁波</city></buyer>
<item><part>valve</part><price>14.50</price></item><item><part>seal</part><price>2</price></item>
<remark>Deliver <b>before</b> May.</remark></order>"""
    blocks = read(data.encode("gb2312"), MediaType.XML)
    assert plain(blocks) == [
        (TITLE, 1, "order"),
        (TEXT, 0, "no: 7"),
        (TITLE, 2, "buyer"),
        (TEXT, 0, "name: 东海泵业\ncity: 宁波"),
        (TITLE, 2, "item"),
        (TABLE, 0, "part | price\nvalve | 14.50\nseal | 2"),
        (TEXT, 0, "remark: Deliver before May."),
    ]


def test_no_entity_of_xml_is_resolved(read: Read) -> None:
    data = b"""<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y "laughter">]>
<a><b>&x;&y;</b><c>kept</c></a>"""
    (_, block) = read(data, MediaType.XML)
    assert block.text.endswith("c: kept")
    assert "root:" not in block.text
    assert "laughter" not in block.text


def test_a_billion_laughs_in_xml_are_not_laughed(read: Read) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    data = f'<!DOCTYPE a [<!ENTITY l0 "lol">{laughs}]><a><b>&l11;</b></a>'
    with pytest.raises(ParseError) as caught:
        read(data.encode(), MediaType.XML)
    assert caught.value.code == "UNREADABLE"


@pytest.mark.parametrize("data", [b"<a><b></a>", b"<a" * 100_000, b"<a>" * 100_000, b"no xml"])
def test_broken_xml_is_unreadable(read: Read, data: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        read(data, MediaType.XML)
    assert caught.value.code == "UNREADABLE"


SRT = """1
00:00:01,000 --> 00:00:03,500
<i>Good morning</i>,

2
00:00:03,600 --> 00:00:06,000
大家好。

3
00:02:00,000 --> 00:02:02,000
{\\an8}The pump is off.
"""
VTT = """WEBVTT - shift

NOTE not said

STYLE
::cue { color: red }

intro
00:01.000 --> 00:03.500 align:start
<v Bob>Good <c.loud>morning</c> &amp; welcome

01:00:03.600 --> 01:00:06.000
Later
"""


def test_subtitles_are_paragraphs_that_begin_with_their_time(read: Read) -> None:
    srt = read(SRT.replace("\n", "\r\n").encode("utf-16"), MediaType.SRT)
    assert [block.text for block in srt] == [
        "[00:00:01] Good morning, 大家好。",
        "[00:02:00] The pump is off.",
    ]
    vtt = read(VTT.encode(), MediaType.VTT)
    assert [block.text for block in vtt] == [
        "[00:00:01] Bob: Good morning & welcome",
        "[01:00:03] Later",
    ]


def test_subtitles_without_times_are_unreadable(read: Read) -> None:
    with pytest.raises(ParseError) as caught:
        read(b"just a text", MediaType.SRT)
    assert caught.value.code == "UNREADABLE"


def test_tabs_divide_whatever_else_stands_in_the_cells(read: Read) -> None:
    (table,) = read("名称\t备注\n阀门\ta, b, c\n泵\td, e, f\n".encode("gb18030"), MediaType.TSV)
    assert table.text == "名称 | 备注\n阀门 | a, b, c\n泵 | d, e, f"
