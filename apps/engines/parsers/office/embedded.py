"""Files inside of Word, PowerPoint and Excel files: read below their names, like attachments."""

import posixpath
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import olefile

from apps.engines.parsers.attachments import Attached, attachment_blocks
from apps.engines.parsers.office.ole2 import BROKEN, MAGIC
from apps.engines.parsers.plain.xml_parser import tree_of
from apps.engines.parsers.zip_guard import members, part_of
from apps.rag.ports import Block, ParseError

_EMBEDDED = re.compile(r"(?:word|xl|ppt)/embeddings/[^/]+\.\w+")
_CHART_LINKS = re.compile(r"(?:word|xl|ppt)/charts/_rels/[^/]+\.rels")
_MOST = 100
_MOST_BYTES = 100 * 1024 * 1024


def embedded_blocks(path: Path) -> list[Block]:
    """The blocks of each file that can be read. The tables that charts are drawn from are not
    read again; names of those that are not read mean nothing."""
    infos = {info.filename: info for info in members(path)}
    drawn = {part for name in infos if _CHART_LINKS.fullmatch(name) for part in _linked(path, name)}
    names = [
        name
        for name, info in infos.items()
        if _EMBEDDED.fullmatch(name) and name not in drawn and info.file_size <= _MOST_BYTES
    ]
    files = [_file(path, name) for name in sorted(names)[:_MOST]]
    return attachment_blocks(files, 1, lists_unread=False)


def _linked(path: Path, name: str) -> Iterator[str]:
    """The parts that a chart points to."""
    folder = posixpath.dirname(posixpath.dirname(name))
    try:
        root = tree_of(part_of(path, name))
    except ParseError:
        return
    for link in root.iter("{*}Relationship") if root is not None else ():
        yield posixpath.normpath(posixpath.join(folder, link.get("Target", "")))


def _file(path: Path, name: str) -> Attached:
    try:
        data = part_of(path, name)
    except ParseError:
        data = b""
    shown = posixpath.basename(name)
    if not data.startswith(MAGIC) or not shown.endswith(".bin"):
        return Attached(shown, "", data)
    inner = _contents(data)
    kind = "application/pdf" if inner.startswith(b"%PDF-") else ""
    return Attached(posixpath.splitext(shown)[0], kind, inner)


def _contents(data: bytes) -> bytes:
    """What an object holds for the program that made it, where that is a file."""
    try:
        with olefile.OleFileIO(BytesIO(data)) as container:
            exists = container.exists("CONTENTS")
            return bytes(container.openstream("CONTENTS").read()) if exists else b""
    except (*BROKEN, RecursionError):
        return b""
