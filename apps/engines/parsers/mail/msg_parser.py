"""Outlook's own format of one e-mail (MSG)."""

import struct
from pathlib import Path
from typing import Any

from oxmsg import Message
from oxmsg.domain.constants import PID_BODY, PID_HTML

from apps.engines.parsers.attachments import Attached, attachment_blocks
from apps.engines.parsers.encodings import decode
from apps.engines.parsers.mail.compressed_rtf import decompressed
from apps.engines.parsers.mail.mail_blocks import body_blocks, head_blocks
from apps.engines.parsers.office.rtf_parser import rtf_blocks
from apps.engines.parsers.web.unstructured_parser import warm_html
from apps.rag.ports import Block, ParseError

_PID_RTF = 0x1009
_PID_TO, _PID_CC = 0x0E04, 0x0E03
_LOCKED = "ipm.note.smime"
# What the library and the container below it raise for files that are not what they say.
_BROKEN = (
    OSError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    OverflowError,
    struct.error,
    AssertionError,
)


class MsgParser:
    """See ``apps.rag.ports.Parser``."""

    def warm(self, media_type: str) -> None:
        """Import the reader of web pages: a second or more."""
        warm_html()

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        try:
            mail = Message.load(str(path))
            if mail.message_class.lower() == _LOCKED:
                raise ParseError("ENCRYPTED", mail.message_class)
            blocks = list(head_blocks(_subject(mail), _head(mail), 1))
            blocks += _body(mail)
            files = [_attached(each) for each in mail.attachments]
        except _BROKEN as error:
            raise ParseError("UNREADABLE", f"MSG: {type(error).__name__}: {error}") from error
        return blocks + attachment_blocks(files, 1)


def _subject(mail: Message) -> str:
    return " ".join(mail.subject.replace("\x00", "").split())


def _head(mail: Message) -> list[tuple[str, str]]:
    headers = {name.lower(): value for name, value in mail.message_headers.items()}
    properties = mail.properties
    date = str(mail.sent_date or "")
    return [
        ("From", mail.sender or ""),
        ("To", properties.str_prop_value(_PID_TO) or headers.get("to", "")),
        ("Cc", properties.str_prop_value(_PID_CC) or headers.get("cc", "")),
        ("Date", headers.get("date", date)),
    ]


def _body(mail: Message) -> list[Block]:
    """HTML and plain text as in any mail; where there is neither, the rich text."""
    plain = mail.properties.str_prop_value(PID_BODY) or ""
    html = _html(mail)
    if plain.strip() or html.strip():
        texts = [plain.replace("\r\n", "\n")] if plain.strip() else []
        return body_blocks(html=[html] if html.strip() else [], plain=texts)
    rich = mail.properties.binary_prop_value(_PID_RTF)
    return rtf_blocks(decompressed(rich)) if rich else []


def _html(mail: Message) -> str:
    try:
        return mail.html_body or ""
    except (UnicodeDecodeError, LookupError):
        return decode(mail.properties.binary_prop_value(PID_HTML) or b"")


def _attached(attachment: Any) -> Attached:
    name = attachment.file_name or attachment.properties.str_prop_value(0x3704) or ""
    return Attached(str(name), str(attachment.mime_type or ""), attachment.file_bytes or b"")
