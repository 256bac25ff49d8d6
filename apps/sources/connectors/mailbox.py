"""Folders of an IMAP mailbox: one document a message, as it was received."""

import imaplib
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias, cast

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError, ErrorCode
from apps.sources.connectors.base import (
    Connector,
    Entry,
    Gap,
    LinesField,
    Opened,
    SecretField,
    SettingsForm,
    Trial,
    Values,
)
from apps.sources.guard import address_of
from apps.sources.web import refused

SECONDS = 30.0
AT_ONCE = 100
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
# What imaplib raises when a server sends what it should not.
_FAULTS = (imaplib.IMAP4.error, OSError, ValueError, IndexError, TypeError, AttributeError)


Numbers: TypeAlias = list[int]


class MailboxForm(SettingsForm):
    host = forms.RegexField(r"^[A-Za-z0-9._:-]{1,250}$", label=_("Mail server"))
    security = forms.ChoiceField(
        label=_("Connection"),
        choices=[
            ("tls", _("encrypted (TLS)")),
            ("starttls", _("encrypted after STARTTLS")),
            ("none", _("not encrypted: only inside of a trusted network")),
        ],
        initial="tls",
        required=False,
    )
    port = forms.IntegerField(
        label=_("Port"),
        min_value=1,
        max_value=65535,
        required=False,
        help_text=_("Empty: the usual one."),
    )
    username = forms.CharField(label=_("User name"), max_length=200)
    password = SecretField(
        label=_("Password"), help_text=_("Better an app password than that of a person.")
    )
    folders = LinesField(
        label=_("Folders"), required=False, help_text=_("One a line. Empty: INBOX.")
    )
    follows_deletions = forms.BooleanField(
        label=_("A message that is deleted there is deleted here"), required=False
    )

    def clean_security(self) -> str:
        return str(self.cleaned_data["security"] or "tls")

    def clean_folders(self) -> list[str]:
        folders = list(self.cleaned_data["folders"])
        if any(not name.isprintable() for name in folders):
            raise forms.ValidationError(_("A name of a folder has no such characters."))
        return folders


class _Limited:
    """Connects to the address that was checked, and takes no more than a file may be."""

    host: str
    port: int

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return socket.create_connection((address_of(self.host, self.port), self.port), timeout)

    def read(self, size: int) -> bytes:
        if size > settings.UPLOAD_MAX_BYTES:
            raise imaplib.IMAP4.abort("too large")
        return super().read(size)  # type: ignore[misc, no-any-return]


class _Plain(_Limited, imaplib.IMAP4):
    """To STARTTLS, or not encrypted at all."""


class _Tls(_Limited, imaplib.IMAP4_SSL):
    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = super()._create_socket(timeout)
        return cast("socket.socket", self.ssl_context.wrap_socket(plain, server_hostname=self.host))


class Mailbox(Connector):
    """Messages are told apart by folder, UIDVALIDITY and UID; a message never changes."""

    kind = "imap"
    label = _("Mailbox")
    about = _("Messages of an IMAP mailbox with their attachments, folder by folder.")
    icon = "text"
    form = MailboxForm
    secrets = ("password",)
    address = ("host", "port", "security", "username")

    def __init__(self, values: Values, secrets: Mapping[str, str]) -> None:
        super().__init__(values, secrets)
        self._connected: imaplib.IMAP4 | None = None
        self._open_folder = ""

    @property
    def removes(self) -> bool:
        return bool(self.values.get("follows_deletions"))

    def close(self) -> None:
        if self._connected is not None:
            try:
                self._connected.logout()
            except _FAULTS:
                self._connected.shutdown()
            self._connected = None

    def trials(self) -> "tuple[Trial, ...]":
        return ((_("The server answers and lets in"), self._reached),)

    def _reached(self) -> str:
        with _asking():
            self._server()
        return str(self.values["host"])

    def _server(self) -> imaplib.IMAP4:
        if self._connected is None:
            made = self._made()
            try:
                made.login(str(self.values["username"]), self.credentials.get("password", ""))
            except imaplib.IMAP4.abort:
                raise
            except (imaplib.IMAP4.error, UnicodeError) as error:
                made.shutdown()
                raise refused(ErrorCode.SOURCE_REFUSED) from error
            self._connected = made
        return self._connected

    def _made(self) -> imaplib.IMAP4:
        host, security = str(self.values["host"]), self.values.get("security", "tls")
        port = int(self.values.get("port") or (993 if security == "tls" else 143))
        context = ssl.create_default_context()
        if security == "tls":
            return _Tls(host, port, ssl_context=context, timeout=SECONDS)
        made = _Plain(host, port, timeout=SECONDS)
        if security == "starttls":
            made.starttls(context)
        return made

    # --- listing ----------------------------------------------------------------------------------
    def list(self) -> Iterator[Entry | Gap]:
        for folder in self.values.get("folders") or ["INBOX"]:
            try:
                with _asking():
                    validity = self._chosen(str(folder))
                    uids = self._uids()
            except AppError as error:
                if error.code != ErrorCode.SOURCE_MISSING:
                    raise
                yield Gap(str(folder), error.code)
                continue
            yield from self._messages(str(folder), validity, uids)

    def _chosen(self, folder: str) -> str:
        """Open a folder for reading only. Its UIDVALIDITY."""
        server = self._server()
        state, _count = server.select(_quoted(folder), readonly=True)
        if state != "OK":
            raise refused(ErrorCode.SOURCE_MISSING, reason="folder")
        self._open_folder = folder
        said = server.response("UIDVALIDITY")[1]
        return said[0].decode() if said and said[0] else "0"

    def _uids(self) -> Numbers:
        state, found = self._server().uid("SEARCH", "UNDELETED")
        if state != "OK":
            raise refused(ErrorCode.SOURCE_ANSWER)
        return [int(each) for each in b" ".join(filter(None, found)).split()]

    def _messages(self, folder: str, validity: str, uids: Numbers) -> Iterator[Entry | Gap]:
        """Messages that are known are not asked for again."""
        fresh = []
        for uid in uids:
            key = f"{folder}/{validity}/{uid}"
            known = self.recall(key)
            if known is None:
                fresh.append(uid)
            else:
                yield Entry(key, "message.eml", known.fingerprint, folder=folder)
        for at in range(0, len(fresh), AT_ONCE):
            yield from self._heads(folder, validity, fresh[at : at + AT_ONCE])

    def _heads(self, folder: str, validity: str, uids: Numbers) -> Iterator[Entry | Gap]:
        wanted = "(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT DATE FROM)])"
        with _asking():
            if self._open_folder != folder:
                self._chosen(folder)
            numbers = ",".join(map(str, uids))
            state, found = self._server().uid("FETCH", numbers, wanted)
        if state != "OK":
            raise refused(ErrorCode.SOURCE_ANSWER)
        for uid, size, head in _fetched(found):
            yield _entry(f"{folder}/{validity}/{uid}", folder, size, head)

    @contextmanager
    def open(self, entry: Entry) -> Iterator[Opened]:
        folder, validity, uid = entry.key.rsplit("/", 2)
        with _asking():
            if self._open_folder != folder and self._chosen(folder) != validity:
                raise refused(ErrorCode.SOURCE_MISSING)
            _state, found = self._server().uid("FETCH", uid, "(UID BODY.PEEK[])")
        bodies = [body for got, _size, body in _fetched(found) if str(got) == uid]
        if not bodies:
            raise refused(ErrorCode.SOURCE_MISSING)
        yield Opened([bodies[0]])


@contextmanager
def _asking() -> Iterator[None]:
    """Turn failures of the network and of the other side into AppError SOURCE_UNREACHABLE."""
    try:
        yield
    except _FAULTS as error:
        raise refused(ErrorCode.SOURCE_UNREACHABLE, reason=type(error).__name__) from error


def _fetched(found: Any) -> Iterator[tuple[int, int, bytes]]:
    """(UID, size, literal) of each message in an answer to FETCH. A server may tell the UID before
    the literal or after it."""
    for n, part in enumerate(found or ()):
        if not isinstance(part, tuple) or len(part) < 2:
            continue
        after = found[n + 1] if n + 1 < len(found) and isinstance(found[n + 1], bytes) else b""
        told = bytes(part[0]) + b" " + after
        uid, size = _UID.search(told), _SIZE.search(told)
        if uid is not None:
            yield int(uid[1]), int(size[1]) if size else 0, bytes(part[1])


def _entry(key: str, folder: str, size: int, head: bytes) -> Entry:
    message = message_from_bytes(head)
    subject = _words(message["Subject"]) or "(…)"
    at = _moment(message["Date"])
    name = f"{at:%Y-%m-%d} {subject}" if at is not None else subject
    return Entry(
        key=key,
        name=f"{name.replace('/', ' ')[:150]}.eml",
        fingerprint="received",
        folder=folder,
        modified=at,
        size=size or None,
        metadata={"from": _words(message["From"])[:200]},
    )


def _words(header: Any) -> str:
    try:
        text = str(make_header(decode_header(str(header or ""))))
    except (MessageError, LookupError, UnicodeError, ValueError):
        text = str(header or "")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _moment(header: Any) -> datetime | None:
    try:
        at = parsedate_to_datetime(str(header or ""))
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo is not None else None


def _quoted(folder: str) -> str:
    """A folder as IMAP writes it: modified UTF-7, in quotes."""
    said, waiting = [], ""
    for char in f"{folder}\0":
        if " " <= char <= "~" or char == "\0":
            if waiting:
                coded = b64encode(waiting.encode("utf-16-be")).decode().rstrip("=")
                said.append(f"&{coded.replace('/', ',')}-")
                waiting = ""
            said.append("&-" if char == "&" else char)
        else:
            waiting += char
    plain = "".join(said).rstrip("\0").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'
