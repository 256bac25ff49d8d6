"""E-mail: one (EML, saved web pages) or a folder of them (MBOX), with the files attached."""

import email
import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage, Message
from pathlib import Path

from apps.engines.media_types import MediaType
from apps.engines.parsers.attachments import Attached, attachment_blocks
from apps.engines.parsers.encodings import decode, detect
from apps.engines.parsers.mail.mail_blocks import body_blocks, head_blocks
from apps.engines.parsers.web.unstructured_parser import warm_html
from apps.rag.ports import Block, ParseError

_HEADERS = frozenset(
    ("from", "to", "subject", "date", "received", "message-id", "mime-version", "content-type")
)
_SHOWN = ("From", "To", "Cc", "Date")
_BETWEEN = re.compile(rb"(?:\A|\n\r?\n)From \S[^\n]*\d:\d\d[^\n]*\n")
_MOST_MAILS = 100_000
_MOST_PARTS = 1000
_DEEPEST = 20
# Headers that are broken in ways that the standard library does not expect.
_ODD = (ValueError, LookupError, AttributeError, TypeError)


class MailParser:
    """See ``apps.rag.ports.Parser``."""

    def warm(self, media_type: str) -> None:
        """Import the reader of web pages: a second or more."""
        warm_html()

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        data = path.read_bytes()
        if media_type == MediaType.MBOX:
            return [block for mail in _mails(data) for block in _mail_blocks(mail, level=1)]
        return _mail_blocks(_mail(data), level=1)


def _mails(data: bytes) -> Iterator[Message]:
    starts = [found.end() for found in _BETWEEN.finditer(data)]
    if not starts and data.strip():
        raise ParseError("UNREADABLE", "no mail begins")
    if len(starts) > _MOST_MAILS:
        raise ParseError("TOO_COSTLY", f"{len(starts)} mails")
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        text = data[start:end]
        # What ends here is the line that begins the next one.
        yield email.message_from_bytes(
            text if end == len(data) else text[: text.rfind(b"\nFrom ")], policy=policy.default
        )


def _mail(data: bytes) -> Message:
    if b"\x00" in data[:200] or data.startswith(b"\xef\xbb\xbf"):  # saved by an editor
        data = decode(data).encode()
    mail = email.message_from_bytes(data.lstrip(), policy=policy.default)
    if data.strip() and not _HEADERS & {name.lower() for name in mail.keys()}:  # noqa: SIM118
        raise ParseError("UNREADABLE", "no head of a mail")
    return mail


def _mail_blocks(mail: Message, *, level: int) -> list[Block]:
    """The subject as a title, who and when, what is said, then what is attached."""
    parts: list[Message] = []
    _gather(mail, parts, depth=0)
    bodies = [part for part in parts if not _is_attached(part)]
    head = [(name, _header(mail, name)) for name in _SHOWN]
    blocks = list(head_blocks(_header(mail, "Subject"), head, level))
    blocks += body_blocks(
        html=[_text(part) for part in bodies if part.get_content_subtype() == "html"],
        plain=[_text(part) for part in bodies if part.get_content_subtype() != "html"],
    )
    if not parts and _is_locked(mail):
        raise ParseError("ENCRYPTED", mail.get_content_type())
    blocks += attachment_blocks([_attached(part) for part in parts if _is_attached(part)], level)
    return blocks


def _gather(part: Message, found: list[Message], *, depth: int) -> None:
    """The parts that hold something, in order; a mail inside of a mail is one."""
    if depth > _DEEPEST or len(found) > _MOST_PARTS:
        raise ParseError("TOO_COSTLY", "nested too deeply, or too many parts")
    if _is_locked(part):
        return
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        for inner in part.get_payload():
            if isinstance(inner, Message):
                _gather(inner, found, depth=depth + 1)
        return
    found.append(part)


def _is_locked(part: Message) -> bool:
    kind = part.get_content_type()
    return kind in {"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}


def _is_attached(part: Message) -> bool:
    try:
        disposition = part.get_content_disposition()
    except _ODD:
        disposition = None
    is_text = part.get_content_type() in {"text/plain", "text/html"}
    return disposition == "attachment" or not is_text


def _attached(part: Message) -> Attached:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload(0) if part.is_multipart() else None
        data = inner.as_bytes() if isinstance(inner, Message) else b""
        return Attached(_header(inner, "Subject") or "message", MediaType.EML, data)
    try:
        name = part.get_filename() or ""
    except _ODD:
        name = ""
    payload = part.get_payload(decode=True)
    return Attached(name, part.get_content_type(), payload if isinstance(payload, bytes) else b"")


def _text(part: Message) -> str:
    """In the encoding that the part names if that is true; else in the one that it is in."""
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    if not data.isascii() and detect(data) == "utf-8":
        return decode(data)  # whatever is named: nothing else looks like it
    try:
        return data.decode(str(part.get_content_charset() or "utf-8"))
    except (*_ODD, UnicodeError):
        return decode(data)


def _header(mail: object, name: str) -> str:
    if not isinstance(mail, Message | EmailMessage):
        return ""
    try:
        return " ".join(str(mail.get(name) or "").split())
    except _ODD:
        return ""
