"""What a file is, by its bytes first and its name second."""

import mmap
import re
from collections.abc import Sequence
from pathlib import Path

from apps.core.errors import AppError, ErrorCode, Permanent
from apps.documents.arrival.names import suffix_of
from apps.engines.media_types import (
    BIG_ENDIAN_TIFF,
    SIGNATURES,
    SUFFIXES,
    Container,
    MediaType,
)
from apps.engines.parsers import zip_guard
from apps.engines.parsers.encodings import looks_like_text
from apps.rag.ports import ParseError

_HEAD = 4096
_SAMPLE = 64 * 1024
_LONGEST_TYPE = 200
_XML_HEAD = re.compile(rb"^<\?xml[^>]{0,200}\?>\s*")
# The folders of an OLE2 file name its streams in UTF-16. A file may hold others whole, a mail
# above all: what its name says is looked for first.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_STREAMS = {
    MediaType.MSG: "__properties_version1.0",
    MediaType.PPT: "PowerPoint Document",
    MediaType.DOC: "WordDocument",
    MediaType.XLS: "Workbook",
}
_MAIN_PARTS = {
    "word/": MediaType.DOCX,
    "ppt/": MediaType.PPTX,
    "xl/": MediaType.XLSX,
}

_IWORK = frozenset({MediaType.PAGES, MediaType.NUMBERS, MediaType.KEYNOTE})
# What a document of later iWork programs may carry of itself, for those who have none.
_PREVIEW = "QuickLook/Preview.pdf"
_ZIPS = {str(each): each for each in MediaType if each.container is Container.ZIP}


def media_type_of(path: Path, name: str) -> MediaType:
    """The type of a stored file. A PDF named .docx is a PDF; a type that is not read raises
    AppError UNSUPPORTED (415); bytes that are not what their name says, UNREADABLE."""
    suffix = suffix_of(name)
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    wanted = SUFFIXES.get(suffix)
    # Before what may begin later: a PDF that is packed as it is begins right after its name.
    if sample.startswith(SIGNATURES[Container.ZIP]):
        return _of_zip(path, suffix)
    if found := _by_beginning(sample, wanted):
        return found
    if sample.startswith(SIGNATURES[Container.OLE2]):
        return _of_ole2(path, suffix)
    if wanted is None:
        raise _unsupported(suffix)
    if wanted.container is not Container.TEXT:
        return _text_named_as(wanted, sample)
    if not looks_like_text(sample):
        raise _unsupported(suffix)
    may_be_html = wanted in {MediaType.TEXT, MediaType.XML}
    return MediaType.HTML if may_be_html and _is_html(sample) else wanted


def _by_beginning(sample: bytes, wanted: MediaType | None) -> MediaType | None:
    """What its first bytes say. Two letters say little: a BMP must be named as one."""
    if SIGNATURES[Container.PDF] in sample[:1024]:
        return MediaType.PDF
    if sample.lstrip().startswith(SIGNATURES[Container.RTF]):
        return MediaType.RTF
    if sample.startswith(BIG_ENDIAN_TIFF):
        return MediaType.TIFF
    if sample.startswith(SIGNATURES[Container.WEBP]):
        return MediaType.WEBP if sample[8:12] == b"WEBP" else None
    for each in (MediaType.PNG, MediaType.JPEG, MediaType.TIFF):
        if sample.startswith(SIGNATURES[each.container]):
            return each
    is_bmp = wanted is MediaType.BMP and sample.startswith(SIGNATURES[Container.BMP])
    return wanted if is_bmp else None


def _text_named_as(wanted: MediaType, sample: bytes) -> MediaType:
    """Programs save web pages, mails and rows with tabs under the names of Word and Excel files,
    which open them."""
    if wanted in {MediaType.DOC, MediaType.XLS} and looks_like_text(sample):
        if _is_html(sample):
            return MediaType.HTML
        if sample[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(b"mime-version:"):
            return MediaType.EML
        if wanted is MediaType.XLS and b"\t" in sample:
            return MediaType.TSV
    raise Permanent(ErrorCode.UNREADABLE)


def _of_zip(path: Path, suffix: str) -> MediaType:
    try:
        names = [info.filename for info in zip_guard.members(path)]
    except ParseError as error:
        if SUFFIXES.get(suffix) is None:
            raise _unsupported(suffix) from error
        raise Permanent(ErrorCode(error.code)) from error
    media_type = _office(names) or _ZIPS.get(_said_by_zip(path)) or _named(names, suffix)
    if media_type is None:
        raise _unsupported(suffix)
    return media_type


def _office(names: Sequence[str]) -> MediaType | None:
    if "[Content_Types].xml" in names:
        if "xl/workbook.bin" in names:
            return MediaType.XLSB
        for folder, media_type in _MAIN_PARTS.items():
            if any(name.startswith(folder) and name.endswith(".xml") for name in names):
                return media_type
    return None


def _named(names: Sequence[str], suffix: str) -> MediaType | None:
    """What does not say what it is, by a part that it must have."""
    wanted = SUFFIXES.get(suffix)
    if "OFD.xml" in names:
        return MediaType.OFD
    if wanted is MediaType.EPUB and "META-INF/container.xml" in names:
        return wanted
    if "index.apxl" in names:
        return MediaType.KEYNOTE
    if wanted in _IWORK and ("index.xml" in names or _PREVIEW in names):
        return wanted
    if wanted in _IWORK and any(name.endswith(".iwa") or name == "Index.zip" for name in names):
        raise AppError(ErrorCode.NEW_IWORK, status=415)
    return None


def _said_by_zip(path: Path) -> str:
    """What an OpenDocument file or a book says that it is; a template is read like what it makes."""
    try:
        said = zip_guard.part_of(path, "mimetype", most=_LONGEST_TYPE)
    except ParseError:
        return ""
    return said.decode("ascii", errors="replace").strip().removesuffix("-template")


def _of_ole2(path: Path, suffix: str) -> MediaType:
    wanted = SUFFIXES.get(suffix)
    order = sorted(_STREAMS, key=lambda each: each is not wanted)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = next(
            (each for each in order if data.find(_STREAMS[each].encode("utf-16-le")) >= 0), None
        )
        if found is not MediaType.MSG and data.find(_ENCRYPTED) >= 0:
            raise Permanent(ErrorCode.ENCRYPTED)
    if found is None:
        raise _unsupported("")
    return found


def _is_html(sample: bytes) -> bool:
    head = _XML_HEAD.sub(b"", sample[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower())
    return head.startswith((b"<!doctype html", b"<html"))


def _unsupported(suffix: str) -> AppError:
    return AppError(ErrorCode.UNSUPPORTED, status=415, suffix=suffix)
