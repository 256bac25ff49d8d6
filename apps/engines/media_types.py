"""The types of file that are read: one line each says all there is to know of a type.

A new format is a line here and a reader in ``apps.engines.adapters``.
"""

from enum import StrEnum
from typing import Self


class Container(StrEnum):
    """What the bytes are, whatever they mean: told apart by ``apps.documents.sniff``."""

    PDF = "pdf"
    ZIP = "zip"
    OLE2 = "ole2"
    RTF = "rtf"
    TEXT = "text"


# How they begin; text begins with anything.
SIGNATURES = {
    Container.PDF: b"%PDF-",
    Container.ZIP: b"PK\x03\x04",
    Container.OLE2: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    Container.RTF: b"{\\rtf",
}


class MediaType(StrEnum):
    """Registered name, container, suffixes (the first is given to files without one), and the
    reader: a module and a class of ``apps.engines.adapters``. Named, not imported: what one type
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
    PDF = "application/pdf", Container.PDF, "pdf", "pdfium_parser.PdfiumParser"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Container.ZIP, "docx", "unstructured_parser.UnstructuredParser"
    PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation", Container.ZIP, "pptx", "unstructured_parser.UnstructuredParser"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Container.ZIP, "xlsx xlsm", "sheet_parser.SheetParser"
    XLS = "application/vnd.ms-excel", Container.OLE2, "xls", "sheet_parser.SheetParser"
    HTML = "text/html", Container.TEXT, "html htm xhtml", "unstructured_parser.UnstructuredParser"
    MARKDOWN = "text/markdown", Container.TEXT, "md markdown", "unstructured_parser.UnstructuredParser"
    TEXT = "text/plain", Container.TEXT, "txt text log", "text_parser.TextParser"
    CSV = "text/csv", Container.TEXT, "csv", "csv_parser.CsvParser"
    TSV = "text/tab-separated-values", Container.TEXT, "tsv tab", "csv_parser.CsvParser"
    JSON = "application/json", Container.TEXT, "json jsonl ndjson geojson", "json_parser.JsonParser"
    YAML = "application/yaml", Container.TEXT, "yaml yml", "yaml_parser.YamlParser"
    XML = "application/xml", Container.TEXT, "xml", "xml_parser.XmlParser"
    SRT = "application/x-subrip", Container.TEXT, "srt", "subtitles_parser.SubtitlesParser"
    VTT = "text/vtt", Container.TEXT, "vtt", "subtitles_parser.SubtitlesParser"
    ODT = "application/vnd.oasis.opendocument.text", Container.ZIP, "odt ott", "odf_parser.OdfParser"
    ODS = "application/vnd.oasis.opendocument.spreadsheet", Container.ZIP, "ods ots", "odf_parser.OdfParser"
    ODP = "application/vnd.oasis.opendocument.presentation", Container.ZIP, "odp otp", "odf_parser.OdfParser"
    RTF = "application/rtf", Container.RTF, "rtf", "rtf_parser.RtfParser"
    EPUB = "application/epub+zip", Container.ZIP, "epub", "epub_parser.EpubParser"
    EML = "message/rfc822", Container.TEXT, "eml mht mhtml", "mail_parser.MailParser"
    MBOX = "application/mbox", Container.TEXT, "mbox", "mail_parser.MailParser"
    MSG = "application/vnd.ms-outlook", Container.OLE2, "msg", "msg_parser.MsgParser"
    DOC = "application/msword", Container.OLE2, "doc dot", "doc_parser.DocParser"
    PPT = "application/vnd.ms-powerpoint", Container.OLE2, "ppt pps", "ppt_parser.PptParser"
    PAGES = "application/vnd.apple.pages", Container.ZIP, "pages", "iwork_parser.IworkParser"
    KEYNOTE = "application/vnd.apple.keynote", Container.ZIP, "key", "iwork_parser.IworkParser"
    NUMBERS = "application/vnd.apple.numbers", Container.ZIP, "numbers", "iwork_parser.IworkParser"
    # fmt: on

    @property
    def short(self) -> str:
        """A name for file names and logs."""
        return self.name.lower()


SUFFIXES: dict[str, MediaType] = {
    "": MediaType.TEXT,
    **{suffix: media_type for media_type in MediaType for suffix in media_type.suffixes},
}
