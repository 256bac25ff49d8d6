"""Why a document failed: a few words for its row, and the sentence that says what helps."""

from django import template
from django.utils.translation import gettext as _

from apps.core.errors import ErrorCode, message_of
from apps.documents.runs.reasons import OF_THE_FILE

register = template.Library()


@register.filter
def error_words(code: str) -> str:
    """The sentence for a code, empty without one."""
    return message_of(code) if code else ""


@register.filter
def error_title(code: str) -> str:
    """The same in two or three words."""
    titles = {
        ErrorCode.ENCRYPTED: _("Needs its password"),
        ErrorCode.EMPTY: _("Empty"),
        ErrorCode.UNREADABLE: _("Damaged"),
        ErrorCode.UNSUPPORTED: _("Not a kind that is read"),
        ErrorCode.NEW_IWORK: _("Not a kind that is read"),
        ErrorCode.NO_TEXT: _("No text in it"),
        ErrorCode.OCR_OFF: _("A scan"),
        ErrorCode.TOO_COSTLY: _("Too large to read"),
        ErrorCode.GAVE_UP: _("Set aside"),
        ErrorCode.FILE_MISSING: _("The file is missing"),
        ErrorCode.NOT_FOUND_AGAIN: _("Not found by a search"),
        ErrorCode.INFECTED: _("Infected"),
        ErrorCode.NOT_SCANNED: _("Not scanned"),
        ErrorCode.SCAN_WAIT: _("Waiting for the virus scanner"),
        ErrorCode.ARCHIVE_TOO_LARGE: _("Too much in it"),
        ErrorCode.DISK_FULL: _("The disk is full"),
        ErrorCode.ATTACHMENT_REMOVED: _("Deleted here"),
    }
    return str(titles.get(ErrorCode(code))) if code in titles else _("Failed")


@register.filter
def is_of_the_file(code: str) -> bool:
    """Whether another file helps, and reading the same one again does not."""
    return code in OF_THE_FILE
