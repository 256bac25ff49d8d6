"""PDF through PDFium: text, pages and boxes. Pages without text of use are recognised (OCR)."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pypdfium2 as pdfium
from pypdfium2 import raw

from apps.engines.parsers.child_terms import terms
from apps.engines.parsers.pdf.pdf_layout import blocks_of
from apps.engines.parsers.pdf.pdf_lines import Line, lines_of
from apps.engines.parsers.pdf.text_layer import must_be_recognised
from apps.rag.ports import Block, ParseError

MOST_PAGES = 5000
# Fewer characters a page than this, over the whole file, is a scan with a stamp on it.
_LEAST_CHARACTERS = 8


class PdfiumParser:
    """See ``apps.rag.ports.Parser``."""

    def warm(self, media_type: str) -> None:
        if terms.may_recognise:
            _scanned()

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        document = _opened(path)
        try:
            count = len(document)
            if count == 0:
                raise ParseError("UNREADABLE", "no pages")
            if count > MOST_PAGES:
                raise ParseError("TOO_COSTLY", f"{count} pages")
            read = [_read(document, number) for number in range(count)]
            pages = [lines for lines, _ in read]
            poor = [number for number, (_, is_poor) in enumerate(read) if is_poor]
            blocks = _blocks(document, pages, poor)
        finally:
            document.close()
        if sum(len(block.text) for block in blocks) < _LEAST_CHARACTERS:
            is_off = bool(poor) and not terms.may_recognise
            raise ParseError("OCR_OFF" if is_off else "NO_TEXT", f"{count} pages without text")
        return blocks


def _blocks(document: pdfium.PdfDocument, pages: list[list[Line]], poor: list[int]) -> list[Block]:
    if not (poor and terms.may_recognise):
        return blocks_of(pages)
    scanned = _scanned()
    frames = scanned.recognise(partial(_page, document), pages, poor)
    blocks: list[Block] = scanned.shown(blocks_of(pages), frames)
    return blocks


def _scanned() -> ModuleType:
    """The module for pages that are pictures: OpenCV and ONNX are imported only where wanted."""
    return import_module("apps.engines.parsers.pdf.scanned")


def _opened(path: Path) -> pdfium.PdfDocument:
    try:
        document = pdfium.PdfDocument(path)
        if document.get_formtype() != raw.FORMTYPE_NONE:
            document.init_forms()
    except pdfium.PdfiumError as error:
        code = getattr(error, "err_code", None)
        is_locked = code in {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY}
        raise ParseError("ENCRYPTED" if is_locked else "UNREADABLE", str(error)) from error
    return document


def _read(document: pdfium.PdfDocument, number: int) -> tuple[list[Line], bool]:
    """(the lines of a page, whether it is to be recognised); a broken page is empty, the others can
    still be read."""
    try:
        with _page(document, number) as page:
            lines = lines_of(page, number + 1)
            return lines, must_be_recognised(page, lines)
    except pdfium.PdfiumError:
        return [], False


@contextmanager
def _page(document: pdfium.PdfDocument, number: int) -> Iterator[pdfium.PdfPage]:
    page = _with_form_values(document, number)
    try:
        yield page
    finally:
        page.close()


def _with_form_values(document: pdfium.PdfDocument, number: int) -> pdfium.PdfPage:
    """The page; what was filled into its form fields is made part of its text."""
    page = document[number]
    if page.formenv is None or raw.FPDFPage_GetAnnotCount(page) <= 0:
        return page
    try:
        page.flatten()
    finally:
        page.close()
    return document[number]
