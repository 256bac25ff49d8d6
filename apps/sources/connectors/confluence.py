"""Spaces of Confluence: pages as their stored HTML, and attachments. Data Center and Cloud."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode, urljoin, urlsplit

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.core.errors import ErrorCode
from apps.sources.connectors.base import (
    AddressField,
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
from apps.sources.web import Bearer, Client, basic, origin_of, refused

AT_ONCE = 100
MOST_PAGES = 5_000
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
# What a macro is told, and what it holds back: no words of the page.
_PARAMETER = re.compile(r"<ac:parameter\b[^>]*>.*?</ac:parameter>", re.DOTALL)
_KEY = re.compile(r"^[A-Za-z0-9~_.-]{1,255}$")


Spaces: TypeAlias = list[tuple[str, str]]


class ConfluenceForm(SettingsForm):
    url = AddressField(
        label=_("Address"),
        help_text=_("For example https://wiki.example.org or https://company.atlassian.net/wiki."),
    )
    edition = forms.ChoiceField(
        label=_("Edition"),
        choices=[("server", _("Data Center or Server")), ("cloud", _("Cloud"))],
        initial="server",
        required=False,
    )
    username = forms.CharField(
        label=_("User name"),
        required=False,
        max_length=200,
        help_text=_("In the Cloud the e-mail address. Empty: the token stands alone."),
    )
    token = SecretField(label=_("Token or password"))
    spaces = LinesField(
        label=_("Spaces"),
        required=False,
        help_text=_("Their keys, one a line. Empty: all that this user may read."),
    )
    with_attachments = forms.BooleanField(label=_("Attachments too"), required=False, initial=True)

    def clean_edition(self) -> str:
        return str(self.cleaned_data["edition"] or "server")

    def clean_spaces(self) -> list[str]:
        spaces = list(self.cleaned_data["spaces"])
        if any(not _KEY.match(key) for key in spaces):
            raise forms.ValidationError(_("A key of a space is one word, such as HR."))
        return spaces


class Confluence(Connector):
    """Current pages that the user of the token may read."""

    kind = "confluence"
    label = _("Confluence")
    about = _("Pages and attachments of Confluence, space by space.")
    icon = "document"
    form = ConfluenceForm
    secrets = ("token",)
    address = ("url", "username")

    def __init__(self, values: Values, secrets: Mapping[str, str]) -> None:
        super().__init__(values, secrets)
        self._base = str(values["url"]).rstrip("/")
        name, token = str(values.get("username") or ""), secrets.get("token", "")
        auth = basic(name, token) or (Bearer(token) if token else None)
        self._client = Client(self._base, auth=auth)
        self._is_cloud = values.get("edition") == "cloud"

    def close(self) -> None:
        self._client.close()

    def trials(self) -> "tuple[Trial, ...]":
        return ((_("The wiki lets in, and the spaces are there"), self._reached),)

    def _reached(self) -> str:
        with _understood():
            return ", ".join(key for key, _pk in self._spaces())[:200]

    # --- listing ----------------------------------------------------------------------------------
    def list(self) -> Iterator[Entry | Gap]:
        with _understood():
            for key, pk in self._spaces():
                pages = self._pages_of_cloud(pk) if self._is_cloud else self._pages_of_server(key)
                for page in pages:
                    yield self._page(page, key)
                    if self.values.get("with_attachments"):
                        yield from self._attachments(page, key)

    def _spaces(self) -> Spaces:
        """(key, id) of the spaces that are followed. Raises AppError SOURCE_MISSING when one is
        not there."""
        wanted = [str(key) for key in self.values.get("spaces") or ()]
        path = "/api/v2/spaces" if self._is_cloud else "/rest/api/space"
        asked = {"limit": AT_ONCE}
        narrowed = {"keys" if self._is_cloud else "spaceKey": wanted} if wanted else {}
        rows = self._all(path, {**asked, **narrowed})
        found = {str(row["key"]): str(row["id"]) for row in rows}
        if missing := [key for key in wanted if key not in found]:
            raise refused(ErrorCode.SOURCE_MISSING, reason="space", space=missing[0])
        return [(key, pk) for key, pk in found.items() if not wanted or key in wanted]

    def _pages_of_server(self, key: str) -> Iterator[dict[str, Any]]:
        expand = "version,ancestors"
        if self.values.get("with_attachments"):
            expand += ",children.attachment.version"
        asked = {"spaceKey": key, "type": "page", "status": "current", "limit": AT_ONCE}
        return self._all("/rest/api/content", {**asked, "expand": expand})

    def _pages_of_cloud(self, pk: str) -> Iterator[dict[str, Any]]:
        asked = {"status": "current", "limit": AT_ONCE}
        return self._all(f"/api/v2/spaces/{quote(pk, safe='')}/pages", asked)

    def _attachments(self, page: dict[str, Any], space: str) -> Iterator[Entry]:
        if self._is_cloud:
            asked = {"status": "current", "limit": AT_ONCE}
            found = self._all(f"/api/v2/pages/{quote(str(page['id']), safe='')}/attachments", asked)
        else:
            first = page["children"]["attachment"]
            found = self._following(first)
        for each in found:
            yield _attachment(each, page, space, self._address(_download(each)))

    def _page(self, page: dict[str, Any], space: str) -> Entry:
        above = [str(each["title"]).replace("/", " ") for each in page.get("ancestors") or ()]
        return Entry(
            key=f"page:{page['id']}",
            name=f"{str(page['title']).replace('/', ' ')[:180]}.html",
            fingerprint=f"v{page['version']['number']}",
            url=self._address(str(page.get("_links", {}).get("webui", ""))),
            folder="/".join([space, *above]),
            metadata={"space": space},
        )

    # --- asking -----------------------------------------------------------------------------------
    def _all(self, path: str, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Rows of all pages of an answer."""
        return self._following(self._json(f"{self._base}{path}?{urlencode(asked, doseq=True)}"))

    def _following(self, said: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for _n in range(MOST_PAGES):
            yield from said["results"]
            following = str(said.get("_links", {}).get("next") or "")
            if not following:
                return
            said = self._json(self._address(following))
        raise refused(ErrorCode.SOURCE_LIMIT)

    def _address(self, link: str) -> str:
        """A link that an answer gave: below the wiki's own address, whether it says so or not."""
        if not link:
            return ""
        context = urlsplit(self._base).path
        is_whole = link.startswith(("http://", "https://"))
        if is_whole or (context and link.startswith(f"{context}/")):
            address = urljoin(f"{self._base}/", link)
        else:
            address = f"{self._base}/{link.lstrip('/')}"
        if origin_of(address) != origin_of(self._base):
            raise refused(ErrorCode.SOURCE_ANSWER, reason="link")
        return address

    def _json(self, address: str) -> dict[str, Any]:
        with self._client.ask("GET", address, headers={"Accept": "application/json"}) as answer:
            body = answer.read()
        said = json.loads(body)
        if not isinstance(said, dict):
            raise refused(ErrorCode.SOURCE_ANSWER)
        return said

    @contextmanager
    def open(self, entry: Entry) -> Iterator[Opened]:
        kind, _colon, pk = entry.key.partition(":")
        if kind == "page":
            with _understood():
                body = self._body(quote(pk, safe=""))
            yield Opened([body])
            return
        # The Cloud sends on to a store of its own, which wants no token of ours.
        with self._client.ask("GET", str(entry.memory["download"]), may_visit=_anywhere) as answer:
            yield Opened(answer.pieces)

    def _body(self, pk: str) -> bytes:
        if self._is_cloud:
            said = self._json(f"{self._base}/api/v2/pages/{pk}?body-format=storage")
        else:
            said = self._json(f"{self._base}/rest/api/content/{pk}?expand=body.storage")
        return as_html(str(said["title"]), str(said["body"]["storage"]["value"]))


@contextmanager
def _understood() -> Iterator[None]:
    """An answer of another shape is said to be one."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise refused(ErrorCode.SOURCE_ANSWER, reason=type(error).__name__) from error


def _anywhere(_url: str) -> bool:
    return True


def _download(attachment: dict[str, Any]) -> str:
    return str(attachment.get("downloadLink") or attachment["_links"]["download"])


def _attachment(found: dict[str, Any], page: dict[str, Any], space: str, download: str) -> Entry:
    size = found.get("fileSize") or found.get("extensions", {}).get("fileSize")
    return Entry(
        key=f"attachment:{found['id']}",
        name=str(found["title"]).replace("/", " "),
        fingerprint=f"v{found['version']['number']}",
        folder=f"{space}/{str(page['title']).replace('/', ' ')}",
        size=size if isinstance(size, int) else None,
        metadata={"space": space, "page": str(page["title"])[:200]},
        memory={"download": download},
    )


def as_html(title: str, storage: str) -> bytes:
    """A page that any reader of HTML understands: code of macros as text, their settings left
    out."""
    plain = _PARAMETER.sub("", storage)
    plain = _CDATA.sub(lambda found: f"<pre>{escape(found[1])}</pre>", plain)
    head = f'<head><meta charset="utf-8"><title>{escape(title)}</title></head>'
    return (
        f"<!doctype html><html>{head}<body><h1>{escape(title)}</h1>{plain}</body></html>".encode()
    )
