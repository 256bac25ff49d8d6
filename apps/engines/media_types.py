"""The types of file that are read, by their registered names."""

from enum import StrEnum


class MediaType(StrEnum):
    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    XLS = "application/vnd.ms-excel"
    HTML = "text/html"
    MARKDOWN = "text/markdown"
    TEXT = "text/plain"
    CSV = "text/csv"

    @property
    def short(self) -> str:
        """A name for file names and logs."""
        return self.name.lower()


OFFICE_ZIPS = frozenset({MediaType.DOCX, MediaType.PPTX, MediaType.XLSX})
TEXTS = frozenset({MediaType.HTML, MediaType.MARKDOWN, MediaType.TEXT, MediaType.CSV})
