"""The types of file that are read: one line each says all there is to know of a type.

A new format is a line here and a reader in ``apps.engines.parsers``.
"""

from enum import StrEnum
from typing import Self


class Container(StrEnum):
    """What the bytes are, whatever they mean: told apart by ``apps.documents.arrival.sniff``."""

    PDF = "pdf"
    ZIP = "zip"
    OLE2 = "ole2"
    RTF = "rtf"
    PNG = "png"
    JPEG = "jpeg"
    TIFF = "tiff"
    BMP = "bmp"
    WEBP = "webp"
    TEXT = "text"


# How they begin; text begins with anything.
SIGNATURES = {
    Container.PDF: b"%PDF-",
    Container.ZIP: b"PK\x03\x04",
    Container.OLE2: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    Container.RTF: b"{\\rtf",
    Container.PNG: b"\x89PNG\r\n\x1a\n",
    Container.JPEG: b"\xff\xd8\xff",
    Container.BMP: b"BM",
    Container.WEBP: b"RIFF",
    Container.TIFF: b"II*\x00",
}
# A TIFF of the other byte order.
BIG_ENDIAN_TIFF = b"MM\x00*"


class MediaType(StrEnum):
    """Registered name, container, suffixes (the first is given to files without one), and the
    reader: a module and a class of ``apps.engines.parsers``. Named, not imported: what one type
    needs is not paid for by the others, and only the parser's child imports any."""

    container: Container
    suffixes: tuple[str, ...]
    reader: str

    def __new__(
        cls,
        value: str,
        # Defaults for the type checker: it takes MediaType("text/plain") for a call of this.
        container: Container = Container.TEXT,
        suffixes: str = "",
        reader: str = "",
    ) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.container = container
        member.suffixes = tuple(suffixes.split())
        member.reader = reader
        return member

    # fmt: off
    PDF = "application/pdf", Container.PDF, "pdf", "pdf.pdfium_parser.PdfiumParser"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Container.ZIP, "docx", "web.unstructured_parser.UnstructuredParser"
    PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation", Container.ZIP, "pptx", "web.unstructured_parser.UnstructuredParser"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Container.ZIP, "xlsx xlsm", "office.sheet_parser.SheetParser"
    XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12", Container.ZIP, "xlsb", "office.xlsb_parser.XlsbParser"
    XLS = "application/vnd.ms-excel", Container.OLE2, "xls", "office.sheet_parser.SheetParser"
    HTML = "text/html", Container.TEXT, "html htm xhtml", "web.unstructured_parser.UnstructuredParser"
    MARKDOWN = "text/markdown", Container.TEXT, "md markdown", "web.unstructured_parser.UnstructuredParser"
    TEXT = "text/plain", Container.TEXT, "txt text log", "plain.text_parser.TextParser"
    CSV = "text/csv", Container.TEXT, "csv", "plain.csv_parser.CsvParser"
    TSV = "text/tab-separated-values", Container.TEXT, "tsv tab", "plain.csv_parser.CsvParser"
    JSON = "application/json", Container.TEXT, "json jsonl ndjson geojson", "plain.json_parser.JsonParser"
    YAML = "application/yaml", Container.TEXT, "yaml yml", "plain.yaml_parser.YamlParser"
    XML = "application/xml", Container.TEXT, "xml", "plain.xml_parser.XmlParser"
    SRT = "application/x-subrip", Container.TEXT, "srt", "plain.subtitles_parser.SubtitlesParser"
    VTT = "text/vtt", Container.TEXT, "vtt", "plain.subtitles_parser.SubtitlesParser"
    ODT = "application/vnd.oasis.opendocument.text", Container.ZIP, "odt ott", "office.odf_parser.OdfParser"
    ODS = "application/vnd.oasis.opendocument.spreadsheet", Container.ZIP, "ods ots", "office.odf_parser.OdfParser"
    ODP = "application/vnd.oasis.opendocument.presentation", Container.ZIP, "odp otp", "office.odf_parser.OdfParser"
    OFD = "application/ofd", Container.ZIP, "ofd", "office.ofd_parser.OfdParser"
    RTF = "application/rtf", Container.RTF, "rtf", "office.rtf_parser.RtfParser"
    EPUB = "application/epub+zip", Container.ZIP, "epub", "web.epub_parser.EpubParser"
    EML = "message/rfc822", Container.TEXT, "eml mht mhtml", "mail.mail_parser.MailParser"
    MBOX = "application/mbox", Container.TEXT, "mbox", "mail.mail_parser.MailParser"
    MSG = "application/vnd.ms-outlook", Container.OLE2, "msg", "mail.msg_parser.MsgParser"
    DOC = "application/msword", Container.OLE2, "doc dot", "office.doc_parser.DocParser"
    PPT = "application/vnd.ms-powerpoint", Container.OLE2, "ppt pps", "office.ppt_parser.PptParser"
    PAGES = "application/vnd.apple.pages", Container.ZIP, "pages", "office.iwork_parser.IworkParser"
    KEYNOTE = "application/vnd.apple.keynote", Container.ZIP, "key", "office.iwork_parser.IworkParser"
    NUMBERS = "application/vnd.apple.numbers", Container.ZIP, "numbers", "office.iwork_parser.IworkParser"
    PNG = "image/png", Container.PNG, "png", "ocr.image_parser.ImageParser"
    JPEG = "image/jpeg", Container.JPEG, "jpg jpeg jfif", "ocr.image_parser.ImageParser"
    TIFF = "image/tiff", Container.TIFF, "tif tiff", "ocr.image_parser.ImageParser"
    BMP = "image/bmp", Container.BMP, "bmp", "ocr.image_parser.ImageParser"
    WEBP = "image/webp", Container.WEBP, "webp", "ocr.image_parser.ImageParser"
    # fmt: on

    @property
    def is_picture(self) -> bool:
        """A picture, whose text can only be recognised."""
        return self.startswith("image/")

    @property
    def short(self) -> str:
        """A name for file names and logs."""
        return self.name.lower()


SUFFIXES: dict[str, MediaType] = {
    "": MediaType.TEXT,
    **{suffix: media_type for media_type in MediaType for suffix in media_type.suffixes},
}

# Text that is read about as fast as it is copied, whatever somebody wrote into it.
QUICK = frozenset(
    {MediaType.TEXT, MediaType.CSV, MediaType.TSV, MediaType.JSON, MediaType.SRT, MediaType.VTT}
)
