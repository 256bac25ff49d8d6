"""A web site is followed politely, within its bounds, and changes are told from noise."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from apps.core.errors import ErrorCode
from apps.documents.models import Document
from apps.permissions.scope import system_scope
from apps.sources.connectors import pages
from apps.sources.connectors.website import Website
from apps.sources.models import Source
from apps.workspaces.models import Collection
from tests.apps.sources.conftest import codes, differences, names, refusal, run
from tests.apps.sources.served import Asked, Reply, Served
from tests.samples import sample

pytestmark = pytest.mark.django_db
Follow = Callable[..., Source]


def page(title: str, *links: str, head: str = "", text: str = "") -> str:
    anchors = "".join(f'<a href="{link}">x</a>' for link in links)
    words = text or f"All about {title}, at length."
    return f"<html><head><title>{title}</title>{head}</head><body><p>{words}</p>{anchors}</body></html>"


@pytest.fixture
def web(site: Served) -> Served:
    site.page(
        "/help/", page("Help", "a.html", "b.html#top", "b.html?utm_source=x", "/other", "c.pdf")
    )
    site.page("/help/a.html", page("Opening", "deep/d.html"), ETag='"a1"')
    site.page("/help/b.html", page("Leave"))
    site.page("/help/deep/d.html", page("Deep", "e.html"))
    site.page("/help/deep/e.html", page("Deeper", "f.html"))
    site.page("/help/c.pdf", sample("sample.pdf"), Content_Type="application/pdf")
    site.page("/other", page("Other"))
    return site


def values(site: Served, path: str = "/help/", **more: Any) -> dict[str, Any]:
    return {"url": site.url(path), "how": "crawl", "depth": 2, "with_files": True, **more}


def test_pages_and_files_come_by_following_links(
    web: Served, follow: Follow, collection: Collection
) -> None:
    source = follow("website", values(web))
    done = run(source)
    assert (done.state, differences(done)) == ("done", (5, 0, 0))
    assert names(collection) == ["Deep.html", "Help.html", "Leave.html", "Opening.html", "c.pdf"]
    assert len(web.paths()) == len(set(web.paths())) == 5
    with system_scope("test: look"):
        assert Document.objects.get(name="Leave.html").source_url == web.url("/help/b.html")
    again = run(source)
    assert (differences(again), again.unchanged) == ((0, 0, 0), 5)


def test_the_depth_the_path_and_files_are_chosen(
    web: Served, follow: Follow, collection: Collection
) -> None:
    run(follow("website", values(web, depth=1, with_files=False)))
    assert names(collection) == ["Help.html", "Leave.html", "Opening.html"]
    assert run(follow("website", values(web, below="/"), name="All")).seen == 6


def test_only_what_changed_is_fetched_and_noise_is_no_change(
    web: Served, follow: Follow, collection: Collection
) -> None:
    source = follow("website", values(web))
    run(source)
    web.page("/help/b.html", page("Leave", head="<script>token=17</script>"))
    web.page("/help/a.html", page("Opening", "deep/d.html", text="Changed."), ETag='"a2"')
    done = run(source)
    assert (differences(done), done.unchanged) == ((0, 1, 0), 4)
    assert [
        each.headers["if-none-match"] for each in web.asked if "if-none-match" in each.headers
    ] == ['"a1"']


def test_a_page_that_did_not_change_still_leads_on(web: Served, follow: Follow) -> None:
    source = follow("website", values(web))
    run(source)
    web.page("/help/deep/d.html", page("Deep", text="Changed below."))
    assert run(source).changed == 1


def test_a_page_that_is_gone_takes_its_document_along(
    web: Served, follow: Follow, collection: Collection
) -> None:
    source = follow("website", values(web))
    run(source)
    del web.pages["/help/b.html"]
    done = run(source)
    assert (done.state, done.removed) == ("done", 1)
    assert "Leave.html" not in names(collection)


def test_a_page_that_fails_keeps_everything(
    web: Served, follow: Follow, collection: Collection
) -> None:
    source = follow("website", values(web))
    run(source)
    web.page("/help/a.html", "broken", status=500)
    done = run(source)
    assert (done.error_code, done.removed) == ("SOURCE_INCOMPLETE", 0)
    assert "Deep.html" in names(collection)


def test_robots_are_obeyed(web: Served, follow: Follow, collection: Collection) -> None:
    web.page("/robots.txt", "User-agent: *\nDisallow: /help/b*\n\nUser-agent: Else\nDisallow: /")
    run(follow("website", values(web)))
    assert "Leave.html" not in names(collection)
    assert "/help/b.html" not in web.paths()


def test_a_site_that_keeps_programs_out_is_left_alone(web: Served, follow: Follow) -> None:
    web.page("/robots.txt", "User-agent: Footnote\nDisallow: /")
    done = run(follow("website", values(web)))
    assert (done.state, done.error_code) == ("failed", "SOURCE_ROBOTS")
    assert web.paths() == []


def test_without_an_answer_to_robots_nothing_is_asked(web: Served, follow: Follow) -> None:
    web.page("/robots.txt", "", status=503, Retry_After="0")
    assert run(follow("website", values(web))).error_code == "SOURCE_UNREACHABLE"
    assert web.paths() == []


def test_the_crawl_delay_is_kept(
    web: Served, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("apps.sources.connectors.website.time.sleep", slept.append)
    web.page("/robots.txt", "User-agent: *\nCrawl-delay: 7")
    run(follow("website", values(web)))
    assert sum(1 for each in slept if each > 5) == 4


def test_pages_that_ask_not_to_be_kept_or_are_copies_are_not(
    web: Served, follow: Follow, collection: Collection
) -> None:
    web.page(
        "/help/a.html", page("Opening", head='<meta name="robots" content="noindex,nofollow">')
    )
    web.page("/help/b.html", page("Leave", head='<link rel="canonical" href="/help/">'))
    run(follow("website", values(web)))
    assert names(collection) == ["Help.html", "c.pdf"]


def test_a_redirect_within_is_followed_and_one_out_of_it_is_not(
    web: Served, follow: Follow, collection: Collection
) -> None:
    web.page("/help/a.html", "", status=302, Location="/help/b.html")
    web.page("/help/c.pdf", "", status=302, Location="/other")
    done = run(follow("website", values(web)))
    assert done.state == "done"
    assert names(collection) == ["Help.html", "Leave.html"]
    assert "/other" not in web.paths()


def test_a_redirect_to_an_internal_server_is_not_followed(
    web: Served, follow: Follow, settings: Any
) -> None:
    web.page("/help/", "", status=302, Location="http://169.254.169.254/latest/meta-data/")
    done = run(follow("website", values(web)))
    assert (done.state, done.error_code) == ("failed", "SOURCE_MISSING")


def test_endless_pages_end(site: Served, follow: Follow) -> None:
    def endless(asked: Asked) -> Reply | None:
        if not asked.path.startswith("/cal/"):
            return None
        number = int(asked.path.removeprefix("/cal/") or 0)
        body = page(f"Day {number}", f"/cal/{number + 1}", f"/cal/{number + 2}")
        return 200, {"Content-Type": "text/html"}, body.encode()

    site.answer = endless
    done = run(follow("website", values(site, "/cal/", depth=20, most=9)))
    assert (done.added, done.error_code) == (9, "SOURCE_INCOMPLETE")


def test_the_server_going_away_in_the_middle_removes_nothing(
    web: Served, follow: Follow, collection: Collection, settings: Any
) -> None:
    source = follow("website", values(web))
    run(source)
    settings.SOURCE_HOSTS = []
    done = run(source)
    assert (done.state, done.error_code, done.removed) == ("failed", "SOURCE_NOT_ALLOWED", 0)
    assert len(names(collection)) == 5


def test_a_site_that_went_away_is_not_asked_for_every_page(
    web: Served, follow: Follow, collection: Collection
) -> None:
    links = [f"{n}.html" for n in range(40)]
    web.page("/help/", page("Help", *links))
    for link in links:
        web.page(f"/help/{link}", page(link))
    source = follow("website", values(web))
    run(source)
    web.asked.clear()
    web.answer = lambda asked: (500, {}, b"") if asked.path.endswith(".html") else None
    done = run(source)
    assert (done.state, done.error_code, done.removed) == ("failed", "SOURCE_UNREACHABLE", 0)
    assert len(web.paths()) == 11
    assert len(names(collection)) == 41


# --- sitemaps -------------------------------------------------------------------------------------
def sitemap(*rows: tuple[str, str], kind: str = "url") -> str:
    body = "".join(
        f"<{kind}><loc>{url}</loc>{f'<lastmod>{at}</lastmod>' if at else ''}</{kind}>"
        for url, at in rows
    )
    root = "urlset" if kind == "url" else "sitemapindex"
    return f'<?xml version="1.0"?><{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{body}</{root}>'


@pytest.fixture
def mapped(web: Served) -> Served:
    """robots.txt → an index → a packed sitemap and a plain one."""
    first = sitemap((web.url("/help/a.html"), "2024-01-01"), ("http://10.0.0.1/x", ""))
    second = sitemap((web.url("/help/b.html"), ""), (web.url("/other"), ""))
    index = sitemap((web.url("/maps/1.xml.gz"), ""), (web.url("/maps/2.xml"), ""), kind="sitemap")
    web.page("/robots.txt", f"Sitemap: {web.url('/maps/index.xml')}")
    web.page("/maps/index.xml", index, Content_Type="application/xml")
    web.page("/maps/1.xml.gz", gzip.compress(first.encode()), Content_Type="application/gzip")
    web.page("/maps/2.xml", second, Content_Type="application/xml")
    return web


def test_a_sitemap_is_followed_through_its_index(
    mapped: Served, follow: Follow, collection: Collection
) -> None:
    source = follow("website", values(mapped, how="sitemap"))
    assert run(source).state == "done"
    assert names(collection) == ["Leave.html", "Opening.html"]
    mapped.asked.clear()
    done = run(source)
    assert done.unchanged == 2
    assert "/help/a.html" not in mapped.paths(), "it says that it did not change"
    assert "/help/b.html" in mapped.paths()


def test_a_sitemap_that_cannot_be_had_removes_nothing(
    mapped: Served, follow: Follow, collection: Collection
) -> None:
    source = follow("website", values(mapped, how="sitemap"))
    run(source)
    del mapped.pages["/maps/2.xml"]
    assert run(source).error_code == "SOURCE_INCOMPLETE"
    mapped.page("/maps/index.xml", "<html>not a sitemap</html>")
    assert run(source).error_code == "SOURCE_ANSWER"
    assert len(names(collection)) == 2


def test_a_sitemap_bomb_is_refused(web: Served, follow: Follow) -> None:
    web.page("/sitemap.xml", gzip.compress(b" " * 60_000_000), Content_Type="application/gzip")
    assert run(follow("website", values(web, how="sitemap"))).error_code == "TOO_LARGE"


def test_entities_of_a_sitemap_are_not_resolved() -> None:
    evil = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + sitemap(("http://e/&e;", ""))
    (found,), _ = pages.sitemap(evil.replace('<?xml version="1.0"?>', "").encode())
    assert "root:" not in found[0]


# --- addresses ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("url", "same"),
    [
        (
            "HTTPS://Example.org:443/a/../b/?utm_source=x&b=2&a=1#frag",
            "https://example.org/b/?b=2&a=1",
        ),
        ("http://example.org:8080", "http://example.org:8080/"),
        ("https://example.org/中文?q=中", "https://example.org/%E4%B8%AD%E6%96%87?q=%E4%B8%AD"),
        ("https://example.org/x;jsessionid=AB12?id=7&PHPSESSID=9", "https://example.org/x?id=7"),
        ("https://example.org//a//b", "https://example.org/a/b"),
    ],
)
def test_a_page_has_one_spelling(url: str, same: str) -> None:
    assert pages.canonical(url) == same
    assert pages.canonical(same) == same


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:5432/",
        "http://169.254.169.254/",
        "http://[::1]/",
        "http://10.1.2.3/",
    ],
)
def test_internal_servers_are_refused_unless_they_are_named(
    url: str, follow: Follow, settings: Any
) -> None:
    settings.SOURCE_HOSTS = ["127.0.0.1:1", "wiki.corp", "10.20.0.0/16"]
    done = run(follow("website", {"url": url, "how": "crawl"}))
    assert (done.state, done.error_code) == ("failed", "SOURCE_NOT_ALLOWED")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://e.org/", "https://a:b@e.org/", "", "x", "http://e.org/\r\nX: y"],
)
def test_spoilt_addresses_are_refused(url: str, follow: Follow) -> None:
    error = refusal(lambda: follow("website", {"url": url, "how": "crawl"}))
    assert error.code == ErrorCode.BAD_REQUEST


def test_a_test_says_which_step_failed(web: Served, follow: Follow) -> None:
    web.page("/robots.txt", "User-agent: *\nCrawl-delay: 0")
    connector = Website(values(web, most=10), {})
    words = [act() for _words, act in connector.trials()]
    assert words == ["Crawl-delay: 0.0", web.url("/help/")]
    assert "Help.html" in connector.first_entries()
    connector.close()


def test_a_page_that_is_no_page_says_nothing() -> None:
    for body in (b"", b"\x00\xff" * 50, b"<" * 1000, b"<html>" + b"<div>" * 5000):
        pages.seen(body, "http://e.org/", None)


def test_only_what_is_read_is_taken(web: Served, follow: Follow, collection: Collection) -> None:
    web.page(
        "/help/", page("Help", "x.mp4", "y.iso?a", "z", "style.css", "mailto:a@b.c", "data:x,y")
    )
    web.page("/help/z", b"\x00\x00", Content_Type="video/mp4")
    done = run(follow("website", values(web)))
    assert names(collection) == ["Help.html"]
    assert codes(done) == {}
