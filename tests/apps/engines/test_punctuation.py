"""Marks in recognised lines: wide ones in Chinese, dashes as long as they were drawn."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from apps.engines.parsers.ocr.punctuation import has_dash, in_chinese, with_dashes

BAR = {"-": 11, "\u2013": 20, "\u2014": 40}


@pytest.mark.parametrize(
    ("read", "is_"),
    [
        ("价格(含税)", "价格（含税）"),
        ("国内生产总值(GDP)增长", "国内生产总值（GDP）增长"),
        ("GDP(国内生产总值)", "GDP（国内生产总值）"),
        ("第一条:总则,共三章;", "第一条：总则，共三章；"),
        ("来源（JR东日本)", "来源（JR东日本）"),
        ("学院)是一所大学", "学院）是一所大学"),
        ("他说＂出彩＂", '他说"出彩"'),
        # As they should be.
        ("函数f(x)的值", "函数f(x)的值"),
        ("见http://a.cn/x?b", "见http://a.cn/x?b"),
        ("比分3:2,时间12:30", "比分3:2,时间12:30"),
        ("about (nothing) at all, really", "about (nothing) at all, really"),
    ],
)
def test_marks_among_chinese_characters_are_wide(read: str, is_: str) -> None:
    assert in_chinese(read) == is_


def drawn(text: str, *, dark: bool = True) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    """A line of blocks 20 pixels high for letters, and bars for dashes."""
    picture = Image.new("L", (24 * len(text) + 60, 60), 250 if dark else 20)
    draw, at = ImageDraw.Draw(picture), 10
    ink = 20 if dark else 250
    for char in text:
        if char in BAR:
            draw.rectangle((at, 34, at + BAR[char], 36), fill=ink)
            at += BAR[char] + 6
        elif char == "=":
            draw.rectangle((at, 30, at + 12, 32), fill=ink)
            draw.rectangle((at, 38, at + 12, 40), fill=ink)
            at += 18
        else:
            if char != " ":
                draw.rectangle((at, 25, at + 12, 45), fill=ink)
            at += 18
    return np.asarray(picture)


@pytest.mark.parametrize("is_dark", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "the round, 23\u201316, was",
        "well-known 2024-01-15",
        "first\u2014and last-born",
        "a = b-c de",
    ],
)
def test_dashes_are_as_long_as_they_were_drawn(text: str, *, is_dark: bool) -> None:
    read = text.replace("\u2013", "-").replace("\u2014", "-")
    assert with_dashes(read, drawn(text, dark=is_dark)) == text


def test_where_not_as_many_dashes_are_seen_all_stay_as_they_were_read() -> None:
    assert with_dashes("abcd-efgh-ij", drawn("abcd\u2013efghij")) == "abcd-efgh-ij"


def test_chinese_lines_keep_their_dashes() -> None:
    assert not has_dash("蓟县-京哈联络线")
    assert has_dash("e-mail")


@pytest.mark.parametrize(
    "read",
    [
        "见https://zh.wikipedia.org/wiki/Python_(编程语言)",
        "附件报告(1).pdf已发送",
        "if 数量!=0: 余额+=数量",
        "SELECT 姓名,年龄 FROM 员工",
        "写信至 采购(华东)@example.com",
    ],
)
def test_addresses_names_of_files_and_code_keep_their_narrow_marks(read: str) -> None:
    assert in_chinese(read) == read
