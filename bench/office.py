"""Word files as offices have them: chapters, paragraphs and a table, in Chinese or English."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO

import docx

IN_ONE = 20
IN_A_CHAPTER = 5


def reports(paragraphs: Mapping[str, str], count: int) -> dict[str, bytes]:
    """At most so many files, every other one in Chinese, each of ``IN_ONE`` of the paragraphs;
    name → bytes. The names of the paragraphs begin with their language."""
    found: dict[str, bytes] = {}
    for language in ("zh", "en"):
        texts = [text for name, text in paragraphs.items() if name.startswith(language)]
        for number, part in enumerate(_batched(texts, IN_ONE)):
            found[f"report {number:03} {language}.docx"] = _report(number, part)
    return {name: found[name] for name in sorted(found)[:count]}


def _report(number: int, texts: Iterable[str]) -> bytes:
    made = docx.Document()
    made.add_heading(f"Report {number} 报告", 0)
    for chapter, part in enumerate(_batched(texts, IN_A_CHAPTER), start=1):
        made.add_heading(f"Chapter {chapter} 第{chapter}章", 1)
        for text in part:
            made.add_paragraph(text)
        table = made.add_table(rows=0, cols=3)
        for row in [("No. 编号", "Item 项目", "Length 长度"), *_lengths(part)]:
            for cell, said in zip(table.add_row().cells, row, strict=True):
                cell.text = said
    out = BytesIO()
    made.save(out)
    return out.getvalue()


def _lengths(texts: Iterable[str]) -> list[tuple[str, str, str]]:
    return [(str(at), text[:20], str(len(text))) for at, text in enumerate(texts, start=1)]


def _batched(texts: Iterable[str], size: int) -> Iterator[Sequence[str]]:
    rows = list(texts)
    return (rows[at : at + size] for at in range(0, len(rows), size))
