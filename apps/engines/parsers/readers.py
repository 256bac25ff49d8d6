"""Which reader serves which type of file. Runs in the parser's child process only."""

import contextlib
from importlib import import_module
from pathlib import Path
from typing import Protocol, runtime_checkable

from apps.engines.media_types import Container, MediaType
from apps.engines.parsers.clean import cleaned
from apps.engines.parsers.ocr.pasted import pasted
from apps.engines.parsers.zip_guard import check_inflated
from apps.rag.ports import Block, ParseError, Parser

_MAY_BE_SCANS = frozenset({MediaType.DOCX, MediaType.PPTX, MediaType.ODT, MediaType.ODP})


@runtime_checkable
class Warmable(Protocol):
    """A reader whose library is slow to import."""

    def warm(self, media_type: str) -> None: ...


def reader_of(media_type: str) -> Parser:
    """The reader of a type. Raises ParseError UNSUPPORTED."""
    try:
        module, name = MediaType(media_type).reader.rsplit(".", 1)
    except ValueError as error:
        raise ParseError("UNSUPPORTED", media_type) from error
    reader: Parser = getattr(import_module(f"apps.engines.parsers.{module}"), name)()
    return reader


def warm(media_type: str) -> None:
    """Import what reading this type takes, in the process that forks, so that no fork has to."""
    with contextlib.suppress(ParseError):
        reader = reader_of(media_type)
        if isinstance(reader, Warmable):
            reader.warm(media_type)


def read(path: Path, media_type: str) -> list[Block]:
    """The blocks of a file, cleaned. Raises ParseError; NO_TEXT when there is nothing to read."""
    if MediaType(media_type).container is Container.ZIP:
        check_inflated(path)
    blocks = cleaned(reader_of(media_type).parse(path, media_type=media_type))
    if media_type in _MAY_BE_SCANS:
        blocks += cleaned(pasted(path, blocks))
    if not any(block.text for block in blocks):
        raise ParseError("NO_TEXT")
    return blocks
