"""Files inside of a file: those that can be read follow it under their names."""

import tempfile
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

from apps.engines.archives import kind_of
from apps.engines.media_types import SIGNATURES, SUFFIXES, Container, MediaType
from apps.engines.parsers import readers
from apps.engines.parsers.child_terms import Apart, terms
from apps.rag.ports import Block, BlockKind

_DEEPEST = 3
_MOST = 200
_DEEPEST_TITLE = 6
# Smaller pictures are logos and signatures.
_LEAST_PICTURE = 32 * 1024
_depth: ContextVar[int] = ContextVar("attachment_depth", default=0)
_BY_NAME = {str(each): each for each in MediaType}


@dataclass(frozen=True, slots=True)
class Attached:
    """One file: its name, the type that its holder says, its bytes."""

    name: str
    said: str
    data: bytes


def attachment_blocks(
    files: Sequence[Attached], level: int, *, lists_unread: bool = True
) -> list[Block]:
    """A title and the blocks of each file that is read; the names of the others as a list. Where
    they become documents of their own (see ``child_terms``) all names as a list."""
    if terms.apart is not None and lists_unread and _depth.get() == 0:
        return [block for file in files for block in _taken_apart(file, terms.apart)]
    unread: list[Block] = []
    blocks: list[Block] = []
    for number, file in enumerate(files):
        inner = _inner(file) if number < _MOST else []
        if inner:
            blocks += _below(file.name, inner, level + 1)
        elif file.name and lists_unread:
            unread.append(Block(BlockKind.LIST_ITEM, file.name))
    return unread + blocks


def _inner(file: Attached) -> list[Block]:
    """What a file says; nothing when it is of no type that is read, or cannot be: the mail
    around it is worth reading all the same."""
    media_type = _type_of(file)
    if media_type is None or not file.data.strip() or _depth.get() >= _DEEPEST:
        return []
    token = _depth.set(_depth.get() + 1)
    try:
        with tempfile.NamedTemporaryFile(prefix="footnote-part-") as out:
            out.write(file.data)
            out.flush()
            return readers.read(Path(out.name), media_type)
    except MemoryError:
        raise  # the limit of the whole file
    except Exception:  # noqa: BLE001 - readers raise whatever a broken file makes them
        return []
    finally:
        _depth.reset(token)


def _taken_apart(file: Attached, apart: Apart) -> Iterator[Block]:
    media_type = _type_of(file)
    name = file.name if media_type is None else _with_suffix(file.name, media_type)
    if (media_type is not None or kind_of(name)) and file.data.strip():
        apart.take(name, file.data)
    elif name and not _is_small_picture(file):
        apart.leave(name, "UNSUPPORTED" if _said_type(file) is None else "UNREADABLE")
    if name:
        yield Block(BlockKind.LIST_ITEM, name)


def _with_suffix(name: str, media_type: MediaType) -> str:
    """A name that says the type: mails may say it beside the name only."""
    is_said = SUFFIXES.get(_suffix(name)) is media_type and "." in name
    return name if is_said else f"{name or 'attachment'}.{media_type.suffixes[0]}"


def _suffix(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def _said_type(file: Attached) -> MediaType | None:
    suffix = _suffix(file.name)
    return (SUFFIXES.get(suffix) if suffix else None) or _BY_NAME.get(file.said)


def _is_small_picture(file: Attached) -> bool:
    media_type = _said_type(file)
    is_picture = media_type is not None and media_type.is_picture
    return (is_picture or file.said.startswith("image/")) and len(file.data) < _LEAST_PICTURE


def _type_of(file: Attached) -> MediaType | None:
    """By its name, else by what is said of it; None when the bytes do not begin like that."""
    media_type = _said_type(file)
    if media_type is None or media_type.container is Container.TEXT:
        return media_type
    if _is_small_picture(file):
        return None
    begins = file.data[:1024].lstrip()
    return media_type if SIGNATURES[media_type.container] in begins else None


def _below(name: str, blocks: Sequence[Block], level: int) -> Iterator[Block]:
    """Its headings below its name. Its pages are not pages of the file that a reader opens."""
    level = min(level, _DEEPEST_TITLE)
    is_said = bool(blocks) and blocks[0].kind is BlockKind.TITLE and blocks[0].text == name
    if name and not is_said:
        yield Block(BlockKind.TITLE, name, level=level)
    for block in blocks:
        deeper = min(block.level + level, _DEEPEST_TITLE) if block.level else 0
        yield replace(block, page=None, boxes=(), sheet="", level=deeper)
