"""Pages made from known text as pictures: how many characters are recognised wrongly.

The same pages go to tesseract, where it is installed (apt: tesseract-ocr tesseract-ocr-chi-sim).
Wants the fonts of apt's fonts-wqy-zenhei and fonts-dejavu-core.
"""

import io
import json
import random
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from bench.client import figure, note
from bench.data import folder

FONTS = {
    "zh": "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "en": "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf",
}
TESSERACT = {"zh": "chi_sim+eng", "en": "eng"}
A4 = (1654, 2339)  # at 200 dots an inch
MARGIN, WHITE, BLACK = 170, 250, 30
PAGES = 4  # of each language at each quality


@dataclass(frozen=True, slots=True)
class Quality:
    """How a page came through: size of its letters in pixels, degrees it lies crooked, softness and
    grain, and how hard it was packed. ``dots``: of an inch, where fewer than 200."""

    name: str
    size: int
    slope: float
    blur: float
    grain: float
    jpeg: int
    dots: int = 200


QUALITIES = (
    Quality("clean", 32, 0.3, 0.4, 4, 85),
    Quality("office", 29, 1.5, 0.8, 14, 55),
    Quality("poor", 27, 2.5, 1.2, 24, 35, dots=150),
)


@dataclass(frozen=True, slots=True)
class Scan:
    """A page as a picture, and what it says."""

    language: str
    quality: str
    data: bytes
    text: str


def scans() -> Iterator[Scan]:
    """The pages of the set, the same on every machine with the same fonts."""
    for language, texts in (("zh", _chinese()), ("en", _english())):
        for level, quality in enumerate(QUALITIES):
            for number in range(PAGES):
                start = (level * PAGES + number) * 5
                picture, said = _drawn(texts[start : start + 12], language, quality.size)
                seed = level * 100 + number
                data = _worn(picture, quality, random.Random(seed), seed)
                yield Scan(language, quality.name, data, said)


def measure(read: Callable[[bytes], str], *, misses: bool) -> None:
    """Character errors of the reader and of tesseract, by language and quality."""
    wrong: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    has_tesseract = shutil.which("tesseract") is not None
    for scan in scans():
        engines = {"footnote": read(scan.data)}
        if has_tesseract:
            engines["tesseract"] = _tesseract(scan)
        for engine, got in engines.items():
            errors = distance(_plain(got), _plain(scan.text))
            for key in (scan.language, f"{scan.language} {scan.quality}", "all"):
                wrong[engine, key].append((errors, len(_plain(scan.text))))
            if misses:
                note(f"  {engine} {scan.language} {scan.quality}: {errors}")
    for engine in dict.fromkeys(engine for engine, _ in wrong):
        rates = {key: _rate(pairs) for (by, key), pairs in wrong.items() if by == engine}
        figure("parsing", f"scans_character_errors_{engine}", rates.pop("all"), **rates)


def distance(one: str, other: str) -> int:
    """Levenshtein's: letters to add, to leave out and to exchange."""
    letters = np.array([ord(each) for each in other], dtype=np.int32)
    steps = np.arange(len(other) + 1, dtype=np.int32)
    row = steps.copy()
    for letter in one:
        following = np.empty_like(row)
        following[0] = row[0] + 1
        following[1:] = np.minimum(row[1:] + 1, row[:-1] + (letters != ord(letter)))
        # What was left out before a place counts there too.
        row = np.minimum.accumulate(following - steps) + steps
    return int(row[-1])


def _rate(pairs: Sequence[tuple[int, int]]) -> float:
    return round(sum(errors for errors, _ in pairs) / sum(length for _, length in pairs), 5)


def _plain(text: str) -> str:
    return "".join(text.replace("|", " ").split())


def _chinese() -> list[str]:
    data = json.loads((folder("cmrc2018") / "cmrc2018_dev.json").read_text(encoding="utf-8"))[
        "data"
    ]
    return [each["context"] for article in data for each in article["paragraphs"]]


def _english() -> list[str]:
    data = json.loads((folder("xquad") / "xquad.en.json").read_text(encoding="utf-8"))["data"]
    return [each["context"] for article in data for each in article["paragraphs"]]


def _drawn(texts: Sequence[str], language: str, size: int) -> tuple[Image.Image, str]:
    """A page full of text, and what of it there was room for."""
    picture = Image.new("L", A4, WHITE)
    draw, font = ImageDraw.Draw(picture), ImageFont.truetype(FONTS[language], size)
    room = A4[0] - 2 * MARGIN
    y, said = MARGIN, list[str]()
    for text in texts:
        for line in _lines(text, font, room):
            if y > A4[1] - MARGIN - size:
                return picture, "".join(said)
            draw.text((MARGIN, y), line, font=font, fill=BLACK)
            said.append(line + " ")
            y += round(size * 1.6)
        y += size
    return picture, "".join(said)


def _lines(text: str, font: ImageFont.FreeTypeFont, room: int) -> Iterator[str]:
    words = text.split(" ")
    pieces = [f"{word} " for word in words] if len(words) > len(text) / 20 else list(text)
    line = ""
    for piece in pieces:
        if line and font.getlength(line + piece) > room:
            yield line
            line = ""
        line += piece
    if line.strip():
        yield line


def _worn(picture: Image.Image, quality: Quality, rng: random.Random, seed: int) -> bytes:
    """As it comes from a scanner."""
    slope = rng.uniform(-quality.slope, quality.slope)
    turned = picture.rotate(slope, fillcolor=WHITE, resample=Image.Resampling.BICUBIC)
    share = quality.dots / 200
    turned = turned.resize((round(A4[0] * share), round(A4[1] * share)), Image.Resampling.LANCZOS)
    soft = np.asarray(turned.filter(ImageFilter.GaussianBlur(quality.blur)), dtype=np.float32)
    pixels = soft + np.random.default_rng(seed).normal(0, quality.grain, soft.shape)
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=quality.jpeg)
    return out.getvalue()


def _tesseract(scan: Scan) -> str:
    command = ["tesseract", "-", "-", "-l", TESSERACT[scan.language]]
    done = subprocess.run(command, input=scan.data, capture_output=True, check=True)
    return done.stdout.decode("utf-8")


def fonts_missing() -> list[str]:
    """Fonts that this machine lacks."""
    return [path for path in FONTS.values() if not Path(path).exists()]
