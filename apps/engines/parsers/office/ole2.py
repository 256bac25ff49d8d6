"""The container of old Office files: streams by name, in a hostile file."""

import struct
from pathlib import Path

import olefile

from apps.rag.ports import ParseError

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# What the library raises for containers that are not what they say.
BROKEN = (OSError, ValueError, LookupError, AttributeError, TypeError, OverflowError, struct.error)


def streams_of(path: Path, *names: str) -> dict[str, bytes]:
    """The streams of these names that are there. Raises ParseError UNREADABLE."""
    try:
        with olefile.OleFileIO(str(path)) as container:
            return {
                name: container.openstream(name).read() for name in names if container.exists(name)
            }
    except (*BROKEN, RecursionError) as error:
        raise ParseError("UNREADABLE", f"OLE2: {type(error).__name__}: {error}") from error


def u16(data: bytes, at: int) -> int:
    """Two bytes as a number; 0 beyond the end."""
    return int.from_bytes(data[at : at + 2], "little")


def u32(data: bytes, at: int) -> int:
    """Four bytes as a number; 0 beyond the end."""
    return int.from_bytes(data[at : at + 4], "little")
