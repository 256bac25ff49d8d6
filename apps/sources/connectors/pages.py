"""Web pages as a crawler sees them: one spelling of an address, the links, what a sitemap lists."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from posixpath import normpath
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from lxml import etree, html

from apps.documents.arrival.names import suffix_of
from apps.engines import archives
from apps.engines.media_types import SUFFIXES, MediaType
from apps.sources.web import origin_of

MOST_LINKS = 5000
# Parameters that say who came from where, and nothing of the page.
_TRACKING = re.compile(
    r"^(utm_\w+|gclid|dclid|fbclid|msclkid|yclid|igshid|mc_[ce]id|_ga|_gl|spm|scm|phpsessid|"
    r"jsessionid|sessionid|sid)$",
    re.IGNORECASE,
)
_SESSION = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)
# Suffixes of addresses that answer with a page.
_PAGES = frozenset({"", "html", "htm", "xhtml", "php", "asp", "aspx", "jsp", "do", "cgi", "shtml"})
_TYPES = {
    **{str(each): each.suffixes[0] for each in MediaType},
    "application/xhtml+xml": "html",
    "text/xml": "xml",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page says of itself. ``digest`` is of its words: tokens and scripts that differ each
    time do not make another page."""

    title: str = ""
    canonical: str = ""
    links: list[str] = field(default_factory=list)
    is_indexed: bool = True
    is_followed: bool = True
    digest: str = ""


def canonical(url: str) -> str:
    """One spelling for one page: no fragment, no tracking, no default port, no dots in the path."""
    parts = urlsplit(url.strip())
    scheme, host, port = origin_of(url)
    shown = f"[{host}]" if ":" in host else host
    if port and port != {"http": 80, "https": 443}.get(scheme):
        shown = f"{shown}:{port}"
    path = _SESSION.sub("", parts.path) or "/"
    if "/." in path or "//" in path:
        path = normpath("/" + path.lstrip("/")) + ("/" if path.endswith("/") else "")
    wanted = parse_qsl(parts.query, keep_blank_values=True)
    query = urlencode([pair for pair in wanted if not _TRACKING.match(pair[0])])
    return urlunsplit((scheme, shown, quote(path, safe="%/:@!$&'()*+,;=~-._"), query, ""))


def is_page_like(url: str) -> bool:
    """Whether an address may answer with something that is read, by its suffix."""
    name = urlsplit(url).path.rpartition("/")[2]
    suffix = suffix_of(name)
    is_read = suffix in _PAGES or suffix in SUFFIXES or suffix.isdecimal()
    return is_read or archives.kind_of(name) is not None


def is_file(url: str) -> bool:
    """Whether an address is of a file rather than of a page."""
    return suffix_of(urlsplit(url).path.rpartition("/")[2]) not in _PAGES


def suffix_of_type(content_type: str, url: str) -> str | None:
    """The suffix for what a server sent; None: nothing that is read."""
    kind = content_type.partition(";")[0].strip().lower()
    name = urlsplit(url).path.rpartition("/")[2]
    own = suffix_of(name)
    if kind in {"", "application/octet-stream", "binary/octet-stream"}:
        return own if own and own in SUFFIXES else archives.suffix_of(name) or None
    if kind in _TYPES:
        return _TYPES[kind]
    packed = archives.suffix_of_type(kind, name)
    # Office files are ZIPs, and some servers say no more of them.
    return own if packed and own in SUFFIXES else packed


def seen(body: bytes, url: str, encoding: str | None) -> Seen:
    """Title, links and wishes of a page. Nothing of it is run or fetched."""
    parser = html.HTMLParser(encoding=encoding, no_network=True, huge_tree=False)
    try:
        tree = html.document_fromstring(body, parser=parser)
    except (etree.LxmlError, ValueError, LookupError):
        return Seen()
    base = urljoin(url, next(iter(_told(tree, "//base/@href")), ""))
    wishes = ",".join(_told(tree, "//meta[@name='robots' or @name='ROBOTS']/@content")).lower()
    preferred = next(iter(_told(tree, "//link[@rel='canonical']/@href")), "")
    links = _told(tree, "//a[@href]/@href")[:MOST_LINKS]
    words = _told(tree, "//text()[not(ancestor::script) and not(ancestor::style)]")
    return Seen(
        title=" ".join((tree.findtext(".//title") or "").split())[:200],
        canonical=_joined(base, preferred) if preferred else "",
        links=list(dict.fromkeys(_links(links, base))),
        is_indexed="noindex" not in wishes and "none" not in wishes,
        is_followed="nofollow" not in wishes and "none" not in wishes,
        digest=hashlib.sha256(" ".join(" ".join(words).split()).encode()).hexdigest(),
    )


def _told(tree: html.HtmlElement, path: str) -> list[str]:
    found = tree.xpath(path)
    return [str(each) for each in found] if isinstance(found, list) else []


def _links(found: list[str], base: str) -> Iterator[str]:
    for each in found:
        if url := _joined(base, str(each)):
            yield url


def _joined(base: str, link: str) -> str:
    """The full address of a link, or nothing when it is none of the web."""
    try:
        url = urljoin(base, link.strip())
        return canonical(url) if url.startswith(("http://", "https://")) else ""
    except ValueError:
        return ""


def sitemap(body: bytes) -> tuple[list[tuple[str, str]], list[str]]:
    """([(address, lastmod), …], [address of another sitemap, …]). A file with one address a line
    is a sitemap too. Raises ValueError when it is neither."""
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        lines = body.decode(errors="replace").split()
        return [(line, "") for line in lines if line.startswith(("http://", "https://"))], []
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.LxmlError as error:
        raise ValueError from error
    pages = [(_text(each, "loc"), _text(each, "lastmod")) for each in root.findall("{*}url")]
    others = [_text(each, "loc") for each in root.findall("{*}sitemap")]
    if etree.QName(root).localname not in {"urlset", "sitemapindex"}:
        raise ValueError
    return [page for page in pages if page[0]], [other for other in others if other]


def _text(node: etree._Element, name: str) -> str:
    return (node.findtext(f"{{*}}{name}") or "").strip()
