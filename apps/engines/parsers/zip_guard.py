"""Refuses zip bombs before anything is parsed."""

import zipfile
import zlib
from pathlib import Path
from typing import IO

from apps.rag.ports import ParseError

MIB = 1024 * 1024
MOST_MEMBERS = 20_000
# Pictures may be many and large; XML is held in memory as a tree of ten times its size.
MOST_TOTAL = 2048 * MIB
MOST_XML = 160 * MIB
# Office XML shrinks about 5 to 30 times; a part that shrinks more than this is not written by people.
MOST_RATIO = 150
RATIO_FROM = 8 * MIB
_READ_AT_ONCE = MIB
# ValueError: names that are not in the encoding that they claim.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError)
_MARKUP = (".xml", ".apxl", ".rels", ".vml", ".xhtml", ".html", ".htm", ".opf", ".ncx", ".rdf")


def members(path: Path) -> list[zipfile.ZipInfo]:
    """What a zip says it holds. Raises ParseError UNREADABLE, ENCRYPTED or TOO_COSTLY."""
    with _opened(path) as archive:
        infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        raise ParseError("TOO_COSTLY", f"{len(infos)} members")
    if any(info.flag_bits & 1 for info in infos):
        raise ParseError("ENCRYPTED", "encrypted members")
    total = 0
    for info in infos:
        total += info.file_size
        _check(info, info.file_size)
    if total > MOST_TOTAL:
        raise ParseError("TOO_COSTLY", f"{total} bytes inflated")
    return infos


def check_inflated(path: Path) -> None:
    """Inflate every XML part and count: what a zip says of its sizes need not be true. A part that
    is larger than it says ends with an error of zipfile, one that is cut short too."""
    infos = members(path)
    with _opened(path) as archive:
        for info in infos:
            if info.filename.lower().endswith(_MARKUP):
                try:
                    with archive.open(info) as part:
                        _check(info, _inflated(part))
                except _BROKEN as error:
                    raise ParseError("UNREADABLE", f"{info.filename}: {error}") from error


def part_of(path: Path, name: str, *, missing: bytes | None = None, most: int = MOST_XML) -> bytes:
    """One part, of at most ``most`` bytes. Raises ParseError UNREADABLE when it is broken or, unless
    there is something to say instead, not there; TOO_COSTLY when it is larger."""
    with _opened(path) as archive:
        try:
            with archive.open(name) as part:
                data = part.read(most + 1)
        except KeyError as error:
            if missing is not None:
                return missing
            raise ParseError("UNREADABLE", f"no {name}") from error
        except (*_BROKEN, RuntimeError) as error:  # RuntimeError: encrypted
            raise ParseError("UNREADABLE", f"{name}: {error}") from error
    if len(data) > most:
        raise ParseError("TOO_COSTLY", f"{name}: more than {most} bytes")
    return data


def end_of(path: Path, name: str, size: int) -> bytes:
    """The last bytes of a part, which may be large: it is not held whole. Empty when broken."""
    kept = b""
    with _opened(path) as archive:
        try:
            with archive.open(name) as part:
                while piece := part.read(_READ_AT_ONCE):
                    kept = (kept + piece)[-size:]
        except (KeyError, *_BROKEN, RuntimeError):
            return b""
    return kept


def _inflated(part: IO[bytes]) -> int:
    size = 0
    while piece := part.read(_READ_AT_ONCE):
        size += len(piece)
        if size > MOST_XML:
            break
    return size


def _check(info: zipfile.ZipInfo, size: int) -> None:
    is_xml = info.filename.lower().endswith(_MARKUP)
    if is_xml and size > MOST_XML:
        raise ParseError("TOO_COSTLY", f"{info.filename}: {size} bytes")
    if size > RATIO_FROM and size > MOST_RATIO * max(info.compress_size, 1):
        raise ParseError("TOO_COSTLY", f"{info.filename}: {size} from {info.compress_size}")


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _BROKEN as error:
        raise ParseError("UNREADABLE", f"zip: {error}") from error
