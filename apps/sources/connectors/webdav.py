"""A folder of a WebDAV server: Nextcloud, ownCloud, SharePoint, a NAS."""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from posixpath import normpath
from typing import Any, TypeAlias
from urllib.parse import quote, unquote, urljoin, urlsplit

from django import forms
from django.utils.translation import gettext_lazy as _
from lxml import etree

from apps.core.errors import AppError, ErrorCode
from apps.sources.connectors.base import (
    AddressField,
    Connector,
    Entry,
    Gap,
    Opened,
    SecretField,
    SettingsForm,
    Trial,
    Values,
)
from apps.sources.web import Client, basic, origin_of, refused

DEEPEST = 40
_ASKED = (
    b'<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/>'
    b"<d:getetag/><d:getlastmodified/><d:getcontentlength/></d:prop></d:propfind>"
)


# (place below the base, whether it is a folder, its properties)
Found: TypeAlias = list[tuple[str, bool, Any]]


class WebdavForm(SettingsForm):
    url = AddressField(
        label=_("Address"),
        help_text=_(
            "Of a folder, for example https://cloud.example.org/remote.php/dav/files/ann/Handbook/."
        ),
    )
    username = forms.CharField(label=_("User name"), required=False, max_length=200)
    password = SecretField(
        label=_("Password"), help_text=_("Better an app password than that of a person.")
    )


class Webdav(Connector):
    """Files below a folder, asked for folder by folder."""

    kind = "webdav"
    label = _("WebDAV folder")
    about = _("A folder of Nextcloud, ownCloud, SharePoint or a NAS.")
    icon = "folder"
    form = WebdavForm
    secrets = ("password",)
    address = ("url", "username")

    def __init__(self, values: Values, secrets: Mapping[str, str]) -> None:
        super().__init__(values, secrets)
        self._home = str(values["url"]).rstrip("/") + "/"
        self._base = unquote(urlsplit(self._home).path)
        auth = basic(str(values.get("username") or ""), secrets.get("password", ""))
        self._client = Client(self._home, auth=auth)

    def close(self) -> None:
        self._client.close()

    def trials(self) -> "tuple[Trial, ...]":
        return ((_("The server lets in, and speaks WebDAV"), self._reached),)

    def _reached(self) -> str:
        self._folder("")
        return self._home

    def list(self) -> Iterator[Entry | Gap]:
        waiting, met = deque([""]), {""}
        while waiting:
            folder = waiting.popleft()
            try:
                found = self._folder(folder)
            except AppError as error:
                if not folder:
                    raise
                yield Gap(folder, error.code)
                continue
            for place, is_folder, node in found:
                if not is_folder:
                    yield _entry(place, node)
                elif place not in met:
                    met.add(place)
                    if place.count("/") >= DEEPEST:
                        yield Gap(place, ErrorCode.SOURCE_LIMIT)
                    else:
                        waiting.append(place)

    def _folder(self, folder: str) -> Found:
        """What a folder holds."""
        address = urljoin(self._home, quote(f"{folder}/" if folder else ""))
        headers = {"Depth": "1", "Content-Type": "application/xml; charset=utf-8"}
        with self._client.ask("PROPFIND", address, headers=headers, content=_ASKED) as answer:
            if answer.status != 207:
                raise refused(ErrorCode.SOURCE_ANSWER, got=answer.status)
            body = answer.read()
        try:
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            root = etree.fromstring(body, parser)
        except etree.LxmlError as error:
            raise refused(ErrorCode.SOURCE_ANSWER) from error
        found = []
        for response in root.findall("{DAV:}response"):
            place = self._place(response.findtext("{DAV:}href") or "")
            # A folder tells of itself too; what lies elsewhere is none of ours.
            if place and place != folder and place.rpartition("/")[0] == folder:
                is_folder = response.find(".//{DAV:}resourcetype/{DAV:}collection") is not None
                found.append((place, is_folder, response))
        return found

    def _place(self, href: str) -> str:
        """Where something lies below the base; nothing when it lies outside of it."""
        address = urljoin(self._home, href)
        if origin_of(address)[1:] != origin_of(self._home)[1:]:
            return ""
        path = normpath(unquote(urlsplit(address).path))
        base = normpath(self._base)
        below = base if base.endswith("/") else f"{base}/"
        return path.removeprefix(below) if path.startswith(below) else ""

    @contextmanager
    def open(self, entry: Entry) -> Iterator[Opened]:
        with self._client.ask("GET", urljoin(self._home, quote(entry.key))) as answer:
            yield Opened(answer.pieces)


def _entry(place: str, node: etree._Element) -> Entry:
    folder, _slash, name = place.rpartition("/")
    size, changed = _said(node, "getcontentlength"), _said(node, "getlastmodified")
    return Entry(
        key=place,
        name=name,
        fingerprint=_said(node, "getetag") or f"{changed}:{size}",
        folder=folder,
        modified=_moment(changed),
        size=int(size) if size.isdecimal() else None,
    )


def _said(node: etree._Element, name: str) -> str:
    return (node.findtext(f".//{{DAV:}}{name}") or "").strip()


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
