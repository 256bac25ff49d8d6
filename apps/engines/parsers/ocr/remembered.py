"""What was recognised on pages of a document before: a page that looks the same to the last pixel
is not recognised again, however often the file is read and whichever version it is in."""

import contextlib
import gzip
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL import Image

from apps.engines.parsers.child_terms import terms
from apps.engines.parsers.ocr.engine import DETECTED_SIDE, Piece

# Raised when the same picture gives other pieces for a reason of ours.
RECOGNISER = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page says: turned by so many quarters clockwise to stand upright, ``width`` by
    ``height`` pixels then."""

    turns: int
    width: int
    height: int
    pieces: list[Piece]


def once(picture: Image.Image, see: Callable[[Image.Image], Seen]) -> Seen:
    """What ``see`` makes of a picture, or made of it before, where the file that is read has a
    folder for that."""
    if terms.remembered is None:
        return see(picture)
    path = terms.remembered / f"{_name(picture)}.json.gz"
    seen = _read(path)
    if seen is None:
        seen = see(picture)
        _keep(path, seen)
    return seen


def _name(picture: Image.Image) -> str:
    digest = hashlib.sha256(f"{_engine()} {picture.mode} {picture.size} ".encode())
    digest.update(picture.tobytes())
    return digest.hexdigest()


@cache
def _engine() -> str:
    return f"{RECOGNISER} {DETECTED_SIDE} rapidocr {version('rapidocr')}"


def _read(path: Path) -> Seen | None:
    """None when it was not kept, or not whole."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            said: dict[str, Any] = json.load(file)
        pieces = [_piece(*each) for each in said["pieces"]]
        return Seen(said["turns"], said["width"], said["height"], pieces)
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None


def _piece(text: str, at: list[float], confidence: float) -> Piece:
    a, b, c, d = zip(at[::2], at[1::2], strict=True)
    return Piece(text, (a, b, c, d), confidence)


def _keep(path: Path, seen: Seen) -> None:
    """Whole or not at all. Where there is no room for it the page is recognised the next time."""
    pieces = [
        (each.text, [edge for point in each.corners for edge in point], each.confidence)
        for each in seen.pieces
    ]
    said = {"turns": seen.turns, "width": seen.width, "height": seen.height, "pieces": pieces}
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        number, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        os.close(number)
        try:
            with gzip.open(temporary, "wt", encoding="utf-8", compresslevel=6) as file:
                json.dump(said, file, ensure_ascii=False)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
