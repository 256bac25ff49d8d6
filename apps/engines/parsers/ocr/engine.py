"""Text in pictures through RapidOCR: the PP-OCR models, Chinese and English, that its wheel carries.

Nothing is downloaded: the parser's process has no network.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rapidocr import RapidOCR

from apps.engines.parsers.child_terms import terms
from apps.engines.parsers.ocr.punctuation import has_dash, in_chinese, with_dashes

# Longer sides are made this long before lines are looked for; they are read at full size. Larger
# ones find nothing more on a page and take twice the memory.
DETECTED_SIDE = 1280
_LEAST_SCORE = 0.3
_SMALLEST = 8

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Piece:
    """A line of text as it was seen: its corners in pixels, clockwise from its own top left."""

    text: str
    corners: tuple[Point, Point, Point, Point]
    confidence: float

    @property
    def width(self) -> float:
        return _distance(self.corners[0], self.corners[1])

    @property
    def height(self) -> float:
        return _distance(self.corners[0], self.corners[3])


def recognise(picture: Image.Image) -> list[Piece]:
    """The lines of a picture that stands upright, in no order that one may rely on."""
    if min(picture.size) < _SMALLEST:
        return []
    pixels: NDArray[np.uint8] = np.asarray(picture.convert("RGB"))[:, :, ::-1]
    seen: Any = _engine()(pixels)
    if not len(seen):
        return []
    return [
        Piece(_typeset(text, pixels, box), _corners(box), float(score))
        for text, box, score in zip(seen.txts, seen.boxes, seen.scores, strict=True)
        if text.strip()
    ]


def _typeset(text: str, pixels: NDArray[np.uint8], box: Any) -> str:
    if not has_dash(text):
        return in_chinese(text)
    grey = cv2.cvtColor(_cut_out(pixels, box), cv2.COLOR_BGR2GRAY)
    return with_dashes(text, np.asarray(grey, dtype=np.uint8))


def _cut_out(pixels: NDArray[np.uint8], box: Any) -> NDArray[np.uint8]:
    """The picture of a line, laid straight."""
    corners = np.asarray(box, dtype=np.float32)
    width = max(int(np.linalg.norm(corners[0] - corners[1])), 1)
    height = max(int(np.linalg.norm(corners[0] - corners[3])), 1)
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    onto = cv2.getPerspectiveTransform(corners, flat)
    return np.asarray(cv2.warpPerspective(pixels, onto, (width, height)), dtype=np.uint8)


@lru_cache(maxsize=1)
def _engine() -> RapidOCR:
    """Made in the fork: threads do not survive one."""
    cv2.setNumThreads(1)
    params = {
        "Global.log_level": "critical",
        "Global.max_side_len": 100_000,  # whoever calls has chosen the size
        "Global.use_cls": False,  # whole pages are turned, not lines
        "Global.text_score": _LEAST_SCORE,
        "Det.limit_type": "max",
        "Det.limit_side_len": DETECTED_SIDE,
        # One line at a time: half the memory, and no line is padded to the longest.
        "Rec.rec_batch_num": 1,
        "EngineConfig.onnxruntime.intra_op_num_threads": terms.threads,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    return RapidOCR(params=params)


def _corners(box: Any) -> tuple[Point, Point, Point, Point]:
    a, b, c, d = ((float(x), float(y)) for x, y in box)
    return a, b, c, d


def _distance(a: Point, b: Point) -> float:
    return float(np.hypot(a[0] - b[0], a[1] - b[1]))
