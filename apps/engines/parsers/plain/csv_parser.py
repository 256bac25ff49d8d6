"""Comma-separated values, and their relatives with tabs and semicolons, in any encoding."""

import csv
import io
import sys
from pathlib import Path

from apps.engines.media_types import MediaType
from apps.engines.parsers.encodings import decode
from apps.engines.parsers.tables import captioned, table_block
from apps.rag.ports import Block, BlockKind

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50


class CsvParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        text = decode(path.read_bytes()).replace("\x00", "")
        csv.field_size_limit(sys.maxsize)
        delimiter = "\t" if media_type == MediaType.TSV else delimiter_of(text)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        captions, table = captioned([[cell.strip() for cell in row] for row in rows])
        texts = [Block(BlockKind.TEXT, caption) for caption in captions]
        return [*texts, *table_block(table)]


def delimiter_of(text: str) -> str:
    """The separator that divides the first lines into the same number of cells, most of all."""
    sample = text[:65536].splitlines()[:_SAMPLE_LINES]

    def evenness(delimiter: str) -> tuple[float, int]:
        counts = [len(row) for row in csv.reader(sample, delimiter=delimiter) if row]
        if not counts or max(counts) < 2:
            return (0.0, 0)
        usual = max(set(counts), key=counts.count)
        return (counts.count(usual) / len(counts) if usual > 1 else 0.0, usual)

    return max(_DELIMITERS, key=evenness)
