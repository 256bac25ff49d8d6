"""PDF through PDFium: text, pages and boxes."""

from pathlib import Path

import pypdfium2 as pdfium
from pypdfium2 import raw

from apps.engines.parsers.pdf.pdf_layout import blocks_of
from apps.engines.parsers.pdf.pdf_lines import Line, lines_of
from apps.rag.ports import Block, ParseError

MOST_PAGES = 5000
# Fewer characters a page than this, over the whole file, is a scan with a stamp on it.
_LEAST_CHARACTERS = 8


class PdfiumParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        document = _opened(path)
        try:
            count = len(document)
            if count == 0:
                raise ParseError("UNREADABLE", "no pages")
            if count > MOST_PAGES:
                raise ParseError("TOO_COSTLY", f"{count} pages")
            pages = [_lines(document, number) for number in range(count)]
        finally:
            document.close()
        if sum(len(line.text) for page in pages for line in page) < _LEAST_CHARACTERS:
            raise ParseError("NO_TEXT", f"{count} pages without text")
        return blocks_of(pages)


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


def _lines(document: pdfium.PdfDocument, number: int) -> list[Line]:
    """The lines of a page; a broken page is empty, the others can still be read."""
    try:
        page = _with_form_values(document, number)
    except pdfium.PdfiumError:
        return []
    try:
        return lines_of(page, number + 1)
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
