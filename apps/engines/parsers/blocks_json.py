"""Blocks as compressed JSON, in files."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.rag.ports import Block, BlockKind, Box


def write_blocks(path: Path, blocks: Sequence[Block]) -> None:
    """Write the blocks; the caller makes the file appear whole (temporary name, then rename)."""
    with gzip.open(path, "wt", compresslevel=4, encoding="utf-8") as out:
        json.dump([_plain(block) for block in blocks], out, ensure_ascii=False)


def read_blocks(path: Path) -> list[Block]:
    """What ``write_blocks`` wrote. Raises OSError, EOFError or ValueError when it did not."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [_block(plain) for plain in json.load(file)]


def _plain(block: Block) -> dict[str, Any]:
    boxes = [(box.page, box.x0, box.y0, box.x1, box.y1) for box in block.boxes]
    values = {
        "page": block.page,
        "level": block.level,
        "boxes": boxes,
        "header": block.header,
        "sheet": block.sheet,
        "confidence": block.confidence,
    }
    return {"kind": block.kind, "text": block.text} | {k: v for k, v in values.items() if v}


def _block(plain: dict[str, Any]) -> Block:
    return Block(
        kind=BlockKind(plain["kind"]),
        text=plain["text"],
        page=plain.get("page"),
        level=plain.get("level", 0),
        boxes=tuple(Box(*box) for box in plain.get("boxes", ())),
        header=plain.get("header", ""),
        sheet=plain.get("sheet", ""),
        confidence=plain.get("confidence"),
    )
