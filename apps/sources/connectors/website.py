"""A web site, by its sitemap or by following links: only what robots.txt allows, unhurried."""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO
from urllib.parse import unquote, urljoin, urlsplit

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from protego import Protego

from apps.core.errors import AppError, ErrorCode
from apps.sources.connectors import pages
from apps.sources.connectors.base import (
    AddressField,
    Connector,
    Entry,
    Gap,
    Opened,
    SettingsForm,
    Trial,
    Values,
)
from apps.sources.connectors.bodies import pieces_of, spooled, unpacked
from apps.sources.web import Answer, Client, origin_of, refused

AGENT = "Footnote"
MOST_SITEMAPS = 500
MOST_MISSES = 10
LONGEST_PAGE = 10 * 1024 * 1024


class WebsiteForm(SettingsForm):
    url = AddressField(
        label=_("Address"),
        help_text=_("Of a page, from which links are followed, or of a sitemap."),
    )
    how = forms.ChoiceField(
        label=_("Pages are found"),
        choices=[("crawl", _("by following links")), ("sitemap", _("in the sitemap"))],
        initial="crawl",
        widget=forms.RadioSelect,
    )
    below = forms.CharField(
        label=_("Only below"),
        required=False,
        max_length=1000,
        help_text=_("A path such as /help/. Empty: the folder of the address."),
    )
    depth = forms.IntegerField(
        label=_("Links from the address"), min_value=0, max_value=20, initial=3, required=False
    )
    most = forms.IntegerField(
        label=_("Most pages"), min_value=1, max_value=50_000, initial=1000, required=False
    )
    with_files = forms.BooleanField(
        label=_("Also PDF and other files that pages link to"), required=False, initial=True
    )

    def clean_depth(self) -> int:
        depth = self.cleaned_data["depth"]
        return 3 if depth is None else int(depth)

    def clean_most(self) -> int:
        return int(self.cleaned_data["most"] or 1000)


@dataclass(slots=True)
class Visit:
    """What one address answered."""

    url: str
    suffix: str = ""
    fingerprint: str = ""
    memory: dict[str, object] = field(default_factory=dict)
    body: IO[bytes] | None = None
    seen: pages.Seen = field(default_factory=pages.Seen)


class Website(Connector):
    """Pages of one host below one path. What leads elsewhere is not followed."""

    kind = "website"
    label = _("Web site")
    about = _("Pages and files of a web site, by its sitemap or by following links.")
    icon = "link"
    form = WebsiteForm

    def __init__(self, values: Values, secrets: Mapping[str, str]) -> None:
        super().__init__(values, secrets)
        self._start = pages.canonical(str(values["url"]))
        self._host = origin_of(self._start)[1:]
        below = str(values.get("below") or urlsplit(self._start).path.rpartition("/")[0] + "/")
        self._below = "/" if self._is_sitemap(self._start) and not values.get("below") else below
        self._client = Client(self._start, may_visit=self._is_inside)
        self._robots: Protego | None = None
        self._next_at = 0.0
        self._misses = 0
        self._held: Visit | None = None

    def close(self) -> None:
        self._client.close()
        self._drop()

    def trials(self) -> Sequence[Trial]:
        return (
            (_("The site answers, and robots.txt is read"), self._said_by_robots),
            (_("The address can be opened"), self._first),
        )

    def _said_by_robots(self) -> str:
        delay = self._rules().crawl_delay(AGENT)
        return "" if delay is None else f"Crawl-delay: {delay}"

    def _first(self) -> str:
        with self._asked(self._start) as answer:
            return answer.url

    # --- which addresses --------------------------------------------------------------------------
    def _is_inside(self, url: str) -> bool:
        host = origin_of(url)[1:]
        same = host == self._host or (
            {host[1], self._host[1]} == {80, 443} and host[0] == self._host[0]
        )
        return same and (urlsplit(url).path or "/").startswith(self._below)

    @staticmethod
    def _is_sitemap(url: str) -> bool:
        return urlsplit(url).path.endswith((".xml", ".xml.gz"))

    def _is_wanted(self, url: str) -> bool:
        is_kind = pages.is_page_like(url) and (
            self.values.get("with_files") or not pages.is_file(url)
        )
        return bool(is_kind) and self._is_inside(url) and self._rules().can_fetch(url, AGENT)

    def _rules(self) -> Protego:
        """robots.txt: none there allows all; none to be had (5xx, no answer) allows nothing."""
        if self._robots is None:
            address = urljoin(self._start, "/robots.txt")
            try:
                with self._client.ask("GET", address, may_visit=_anywhere) as answer:
                    text = answer.read(512 * 1024).decode(errors="replace")
            except AppError as error:
                if error.code in {ErrorCode.SOURCE_UNREACHABLE, ErrorCode.SOURCE_NOT_ALLOWED}:
                    raise
                text = ""
            self._robots = Protego.parse(text)
        return self._robots

    # --- asking -----------------------------------------------------------------------------------
    @contextmanager
    def _asked(self, url: str, **headers: str) -> Iterator[Answer]:
        """The answer of a page, not sooner after the one before than the site wishes."""
        if not self._rules().can_fetch(url, AGENT):
            raise refused(ErrorCode.SOURCE_ROBOTS)
        delay = self._rules().crawl_delay(AGENT)
        pause = settings.SOURCE_PAUSE_S if delay is None else float(delay)
        time.sleep(max(0.0, self._next_at - time.monotonic()))
        self._next_at = time.monotonic() + pause
        self._misses += 1
        with self._client.ask("GET", url, headers=headers) as answer:
            self._misses = 0
            yield answer

    def _is_away(self, error: AppError) -> bool:
        """Whether so many requests in a row went unanswered that the others need not be tried."""
        return error.code == ErrorCode.SOURCE_UNREACHABLE and self._misses >= MOST_MISSES

    def _visit(self, url: str) -> Visit | None:
        """What is there now; with the fingerprint of before when it did not change. None: nothing
        that is read."""
        self._drop()
        known = self.recall(url)
        headers: dict[str, str] = {}
        if known is not None and known.memory.get("etag"):
            headers["If-None-Match"] = str(known.memory["etag"])
        if known is not None and known.memory.get("modified"):
            headers["If-Modified-Since"] = str(known.memory["modified"])
        with self._asked(url, **headers) as answer:
            if answer.status == 304 and known is not None:
                links = [str(link) for link in _as_list(known.memory.get("links"))]
                return Visit(
                    url,
                    "html",
                    known.fingerprint,
                    dict(known.memory),
                    None,
                    pages.Seen("", "", links),
                )
            return self._received(answer)

    def _received(self, answer: Answer) -> Visit | None:
        url = pages.canonical(answer.url)
        suffix = pages.suffix_of_type(answer.headers.get("content-type", ""), url)
        if suffix is None:
            return None
        body, digest = spooled(answer)
        visit = Visit(url, suffix, f"sha256:{digest}", body=body)
        self._held = visit
        for name, header in (("etag", "etag"), ("modified", "last-modified")):
            if header in answer.headers:
                visit.memory[name] = answer.headers[header][:300]
        if suffix == "html":
            charset = answer.headers.get("content-type", "").lower().partition("charset=")[2]
            visit.seen = pages.seen(body.read(LONGEST_PAGE), url, charset.strip("\"' ;") or None)
            if visit.seen.digest:
                visit.fingerprint = f"words:{visit.seen.digest}"
            visit.memory["links"] = [link for link in visit.seen.links if self._is_inside(link)]
        return visit

    def _drop(self) -> None:
        if self._held is not None and self._held.body is not None:
            self._held.body.close()
        self._held = None

    # --- listing ----------------------------------------------------------------------------------
    def list(self) -> Iterator[Entry | Gap]:
        if self.values.get("how") == "sitemap" or self._is_sitemap(self._start):
            yield from self._by_sitemap()
        else:
            yield from self._by_links()

    def _by_links(self) -> Iterator[Entry | Gap]:
        deepest, most = int(self.values["depth"]), int(self.values["most"])
        waiting = deque([(self._start, 0)])
        met, taken, count = {self._start}, set[str](), 0
        while waiting:
            url, depth = waiting.popleft()
            if count >= most:
                yield Gap(url, ErrorCode.SOURCE_LIMIT)
                return
            count += 1
            try:
                visit = self._visit(url)
            except AppError as error:
                if depth == 0 or self._is_away(error):
                    raise
                if error.code != ErrorCode.SOURCE_MISSING:
                    yield Gap(url, error.code)
                continue
            if visit is None:
                continue
            met.add(visit.url)
            if depth < deepest and visit.seen.is_followed:
                fresh = [
                    link for link in visit.seen.links if link not in met and self._is_wanted(link)
                ]
                met.update(fresh)
                waiting.extend((link, depth + 1) for link in fresh)
            yield from self._entry(visit, taken)

    def _by_sitemap(self) -> Iterator[Entry | Gap]:
        most, count, taken = int(self.values["most"]), 0, set[str]()
        for found in self._sitemaps():
            if isinstance(found, Gap):
                yield found
                continue
            url, changed = found
            if url in taken or not self._is_wanted(url):
                continue
            count += 1
            if count > most:
                yield Gap(url, ErrorCode.SOURCE_LIMIT)
                return
            yield from self._listed(url, changed, taken)

    def _listed(self, url: str, changed: str, taken: set[str]) -> Iterator[Entry | Gap]:
        """A page of a sitemap. One that says it did not change is not asked for."""
        known = self.recall(url)
        if known is not None and changed and known.memory.get("lastmod") == changed:
            taken.add(url)
            yield Entry(url, _last(url), known.fingerprint, url=url, memory=known.memory)
            return
        try:
            visit = self._visit(url)
        except AppError as error:
            if self._is_away(error):
                raise
            if error.code != ErrorCode.SOURCE_MISSING:
                yield Entry(url, _last(url), "", url=url, held=error.code)
            return
        if visit is not None:
            visit.memory.pop("links", None)
            if changed:
                visit.memory["lastmod"] = changed
            yield from self._entry(visit, taken)

    def _sitemaps(self) -> Iterator[tuple[str, str] | Gap]:
        if self._is_sitemap(self._start):
            waiting = deque([self._start])
        else:
            said = [each for each in self._rules().sitemaps if origin_of(each)[1] == self._host[0]]
            waiting = deque(said or [urljoin(self._start, "/sitemap.xml")])
        met: set[str] = set()
        while waiting:
            address = waiting.popleft()
            if address in met:
                continue
            met.add(address)
            if len(met) > MOST_SITEMAPS:
                yield Gap(address, ErrorCode.SOURCE_LIMIT)
                return
            try:
                found, others = self._read_sitemap(address)
            except AppError as error:
                if len(met) == 1:
                    raise
                yield Gap(address, error.code)
                continue
            waiting.extend(each for each in others if origin_of(each)[1] == self._host[0])
            yield from ((pages.canonical(url), changed) for url, changed in found)

    def _read_sitemap(self, address: str) -> tuple[Sequence[tuple[str, str]], Sequence[str]]:
        def on_this_host(url: str) -> bool:
            return origin_of(url)[1] == self._host[0]

        with self._client.ask("GET", address, may_visit=on_this_host) as answer:
            body = answer.read()
        try:
            return pages.sitemap(unpacked(body))
        except (ValueError, OSError, EOFError) as error:
            raise refused(ErrorCode.SOURCE_ANSWER, reason="sitemap") from error

    def _entry(self, visit: Visit, taken: set[str]) -> Iterator[Entry]:
        """The page, unless it says that it is another one, or wants not to be kept."""
        key = visit.seen.canonical
        key = key if key and self._is_inside(key) else visit.url
        if key in taken or not visit.seen.is_indexed:
            return
        taken.add(key)
        is_file = visit.suffix != "html"
        if is_file and not self.values.get("with_files"):
            return
        title = "" if is_file else visit.seen.title or str(visit.memory.get("title", ""))
        if title:
            visit.memory["title"] = title
        yield Entry(
            key=key,
            name=_named(title or _last(visit.url), visit.suffix),
            fingerprint=visit.fingerprint,
            url=visit.url,
            memory=visit.memory,
        )

    @contextmanager
    def open(self, entry: Entry) -> Iterator[Opened]:
        held = self._held
        if held is None or held.body is None or held.url != entry.url:
            held = self._visit(entry.url)
        if held is None or held.body is None:
            raise refused(ErrorCode.SOURCE_ANSWER)
        held.body.seek(0)
        yield Opened(pieces_of(held.body))


def _anywhere(_url: str) -> bool:
    return True


def _as_list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _last(url: str) -> str:
    parts = urlsplit(url)
    return unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.hostname or "page"


def _named(name: str, suffix: str) -> str:
    plain = name.replace("/", " ")
    return plain if plain.lower().endswith(f".{suffix}") else f"{plain}.{suffix}"
