"""Pages of a PDF whose pictures must be read. Importing it takes OpenCV and ONNX."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import pypdfium2 as pdfium
from PIL import Image

from apps.engines.parsers.child_terms import terms
from apps.engines.parsers.ocr.frame import Frame
from apps.engines.parsers.ocr.pages import fitted, recognised, shown
from apps.engines.parsers.pdf.pdf_lines import Line
from apps.rag.ports import ParseError

__all__ = ["recognise", "shown"]

# What was recognised must say about as much as the text that it replaces.
_LEAST_SHARE = 0.3

OpenPage = Callable[[int], AbstractContextManager[pdfium.PdfPage]]


def recognise(
    open_page: OpenPage, pages: list[list[Line]], poor: Sequence[int]
) -> dict[int, Frame]:
    """Put what is seen on the poor pages in place of their lines, one page in memory at a time;
    how each of them lies, by its number. Raises ParseError."""
    if len(poor) > terms.most_pages:
        raise ParseError("TOO_COSTLY", f"{len(poor)} pages to recognise")
    frames = {}
    for done, index in enumerate(poor):
        terms.tell(done, len(poor))
        try:
            found = recognised(_picture(open_page, index), index + 1)
        except pdfium.PdfiumError:
            continue
        if found.length >= _LEAST_SHARE * sum(len(line.text) for line in pages[index]):
            pages[index] = found.lines
            frames[index + 1] = found.frame
    terms.tell(len(poor), len(poor))
    return frames


def _picture(open_page: OpenPage, index: int) -> Image.Image:
    with open_page(index) as page:
        bitmap = page.render(scale=fitted(*page.get_size()), may_draw_forms=False)
        try:
            picture: Image.Image = bitmap.to_pil().convert("RGB")
        finally:
            bitmap.close()
    return picture
