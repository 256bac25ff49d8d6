"""A bucket of S3 or of a store that speaks it: MinIO, Ceph, OSS, COS, and the others."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import quote, unquote_plus, urlencode

from django import forms
from django.utils.translation import gettext_lazy as _
from lxml import etree

from apps.core.errors import ErrorCode
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
from apps.sources.connectors.sigv4 import SigV4
from apps.sources.web import Client, refused

MOST_PAGES = 10_000


class BucketForm(SettingsForm):
    url = AddressField(
        label=_("Address of the store"),
        required=False,
        help_text=_("For example https://minio.example.org:9000. Empty: Amazon S3."),
    )
    bucket = forms.RegexField(r"^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$", label=_("Bucket"))
    below = forms.CharField(
        label=_("Only below"),
        required=False,
        max_length=900,
        strip=False,
        help_text=_("The beginning of the names, for example contracts/. Empty: the whole bucket."),
    )
    region = forms.RegexField(
        r"^[a-z0-9-]{1,40}$", label=_("Region"), required=False, initial="us-east-1"
    )
    access_key = forms.CharField(
        label=_("Access key"),
        required=False,
        max_length=200,
        help_text=_("Empty: the bucket is read without signing in."),
    )
    secret_key = SecretField(label=_("Secret key"))

    def clean_region(self) -> str:
        return str(self.cleaned_data["region"] or "us-east-1")


class Bucket(Connector):
    """Objects of a bucket below a prefix. Slashes in their names are folders."""

    kind = "s3"
    label = _("S3 bucket")
    about = _("Files in Amazon S3, or in MinIO, Ceph and other stores that speak its language.")
    icon = "server"
    form = BucketForm
    secrets = ("secret_key",)
    address = ("url", "access_key")

    def __init__(self, values: Values, secrets: Mapping[str, str]) -> None:
        super().__init__(values, secrets)
        region = str(values.get("region") or "us-east-1")
        home = str(values.get("url") or f"https://s3.{region}.amazonaws.com").rstrip("/")
        key = str(values.get("access_key") or "")
        auth = SigV4(key, secrets.get("secret_key", ""), region) if key else None
        self._base = f"{home}/{values['bucket']}"
        self._prefix = str(values.get("below") or "")
        self._client = Client(home, auth=auth)

    def close(self) -> None:
        self._client.close()

    def trials(self) -> "tuple[Trial, ...]":
        return ((_("The store lets in, and the bucket is there"), self._reached),)

    def _reached(self) -> str:
        self._page("")
        return self._base

    def list(self) -> Iterator[Entry | Gap]:
        token = ""
        for _page in range(MOST_PAGES):
            root = self._page(token)
            for found in root.findall("{*}Contents"):
                if entry := self._entry(found):
                    yield entry
            token = _text(root, "NextContinuationToken")
            if _text(root, "IsTruncated") != "true":
                return
            if not token:
                raise refused(ErrorCode.SOURCE_ANSWER, reason="pages")
        yield Gap(self._base, ErrorCode.SOURCE_LIMIT)

    def _page(self, token: str) -> etree._Element:
        asked = {"encoding-type": "url", "list-type": "2", "max-keys": "1000"}
        if token:
            asked["continuation-token"] = token
        if self._prefix:
            asked["prefix"] = self._prefix
        query = urlencode(sorted(asked.items()), quote_via=quote, safe="")
        with self._client.ask("GET", f"{self._base}/?{query}") as answer:
            body = answer.read()
        try:
            root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.LxmlError as error:
            raise refused(ErrorCode.SOURCE_ANSWER) from error
        if etree.QName(root).localname != "ListBucketResult":
            raise refused(ErrorCode.SOURCE_ANSWER)
        return root

    def _entry(self, found: etree._Element) -> Entry | None:
        key = unquote_plus(_text(found, "Key"))
        if not key or key.endswith("/"):
            return None
        place = key.removeprefix(self._prefix[: self._prefix.rfind("/") + 1])
        folder, _slash, name = place.rpartition("/")
        size = _text(found, "Size")
        return Entry(
            key=key,
            name=name,
            fingerprint=f"{_text(found, 'ETag')}:{size}",
            folder=folder,
            modified=_moment(_text(found, "LastModified")),
            size=int(size) if size.isdecimal() else None,
        )

    @contextmanager
    def open(self, entry: Entry) -> Iterator[Opened]:
        address = f"{self._base}/{quote(entry.key, safe='/~')}"
        with self._client.ask("GET", address) as answer:
            yield Opened(answer.pieces)


def _text(node: etree._Element, name: str) -> str:
    return node.findtext(f"{{*}}{name}") or ""


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
