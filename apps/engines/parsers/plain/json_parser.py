"""JSON, and one JSON value a line (JSONL), as text under its keys."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from apps.engines.parsers.encodings import decode
from apps.engines.parsers.plain.tree_blocks import Pairs, Tree, tree_blocks
from apps.rag.ports import Block, ParseError


class JsonParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        text = decode(path.read_bytes()).strip().strip("\x00")
        if not text:
            return []
        try:
            return tree_blocks(_tree(text))
        except (ValueError, RecursionError) as error:
            raise ParseError("UNREADABLE", f"JSON: {error}") from error


def _tree(text: str) -> Tree:
    try:
        return _loaded(text)
    except json.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [_loaded(line) for line in lines]


def _loaded(text: str) -> Tree:
    # Numbers stay as they are written: 1.10 is a price, and a number of a million digits is text.
    tree: Tree = _plain(
        json.loads(
            text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_pairs
        )
    )
    return tree


def _pairs(pairs: Iterable[tuple[str, Any]]) -> Pairs:
    return tuple((key, _plain(value)) for key, value in pairs)


def _plain(value: Any) -> Tree:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return [_plain(item) for item in value]
        case _:
            plain: Tree = value
            return plain
