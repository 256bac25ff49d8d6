"""Word and PowerPoint files that are scans: pages pasted as pictures where text should be."""

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from apps.engines.parsers.child_terms import terms
from apps.engines.parsers.zip_guard import members, part_of
from apps.rag.ports import Block, ParseError

_MEDIA = re.compile(
    r"(?:(?:word|ppt)/media|Pictures)/[^/]+\.(?:png|jpe?g|tiff?|bmp|webp)", re.IGNORECASE
)
_DIGITS = re.compile(r"(\d+)")
# Of a page that can be read the shorter side has as many pixels; logos and drawings have fewer.
_LEAST_SIDE = 600
# A file that has as much text for each such picture has words of its own.
_OWN_TEXT = 100
_MOST_BYTES = 50 * 1024 * 1024
# What the text of photographs reads like: chance, and not much of it.
_LEAST_CONFIDENCE, _LEAST_TEXT = 0.8, 10
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
_BROKEN = (UnidentifiedImageError, SyntaxError, ValueError, EOFError, OSError, zipfile.BadZipFile)


def pasted(path: Path, blocks: Sequence[Block]) -> list[Block]:
    """The text in the pictures of a file that has hardly any of its own. Raises ParseError OCR_OFF
    when there would be something to recognise and nothing else, and TOO_COSTLY."""
    own = sum(len(block.text.strip()) for block in blocks)
    pictures = list(_pictures(path))
    if not pictures or own >= _OWN_TEXT * len(pictures):
        return []
    if not terms.may_recognise:
        if own:
            return []
        raise ParseError("OCR_OFF")
    if len(pictures) > terms.most_pages:
        raise ParseError("TOO_COSTLY", f"{len(pictures)} pictures to recognise")
    found: list[Block] = []
    for number, name in enumerate(pictures):
        terms.tell(number, len(pictures))
        found += _recognised(path, name)
    terms.tell(len(pictures), len(pictures))
    return found


def _pictures(path: Path) -> Iterator[str]:
    """Names of those that are as large as a page, in the order in which programs number them."""
    named = (info for info in members(path) if _MEDIA.fullmatch(info.filename))
    kept = [info.filename for info in named if info.file_size <= _MOST_BYTES]
    return (name for name in sorted(kept, key=_number) if _is_page(path, name))


def _number(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(name)]


def _is_page(path: Path, name: str) -> bool:
    try:
        with _opened(path, name) as picture:
            return min(picture.size) >= _LEAST_SIDE
    except (*_BROKEN, Image.DecompressionBombError, ParseError):
        return False


def _opened(path: Path, name: str) -> Image.Image:
    return Image.open(BytesIO(part_of(path, name, most=_MOST_BYTES)), formats=_FORMATS)


def _recognised(path: Path, name: str) -> list[Block]:
    """Without places: the file has no pages on which they could be shown."""
    # Imported here: recognition is dear to load, and few files need it.
    from apps.engines.parsers.ocr.image_parser import picture_blocks  # noqa: PLC0415

    try:
        with _opened(path, name) as picture:
            blocks = picture_blocks(picture)
    except _BROKEN:
        return []
    return [
        replace(block, page=None, boxes=())
        for block in blocks
        if (block.confidence or 0) >= _LEAST_CONFIDENCE or len(block.text) >= _LEAST_TEXT
    ]
