"""Confluence in both editions: pages by version, attachments, spaces."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.documents.models import Document
from apps.documents.queries import blocks_of
from apps.permissions.scope import system_scope
from apps.sources.connectors.confluence import as_html
from apps.sources.models import Source
from apps.workspaces.models import Collection
from tests.apps.sources.conftest import codes, differences, names, refusal, run
from tests.apps.sources.served import Served
from tests.apps.sources.wiki import Wiki

pytestmark = pytest.mark.django_db
Follow = Callable[..., Source]
MACRO = (
    '<p>Run it:</p><ac:structured-macro ac:name="code"><ac:parameter ac:name="language">bash'
    "</ac:parameter><ac:plain-text-body><![CDATA[echo <b> && reboot]]></ac:plain-text-body>"
    "</ac:structured-macro><p>三十天年假</p>"
)


@pytest.fixture(params=["server", "cloud"])
def wiki(request: pytest.FixtureRequest, site: Served) -> Wiki:
    made = Wiki(site, context="/wiki" if request.param == "cloud" else "")
    site.answer = made
    made.page(1, "Top", "<p>Start here.</p>")
    made.page(2, "Leave / 休假", MACRO, plan_md="The plan.", photo_psd="8BPS")
    made.page(3, "Travel", "<p>By train.</p>")
    return made


def values(wiki: Wiki, **more: Any) -> dict[str, Any]:
    return {
        "url": wiki.site.url(wiki.context),
        "edition": "cloud" if wiki.context else "server",
        "token": "geheim",
        "with_attachments": True,
        **more,
    }


def test_pages_and_attachments_come_change_and_go(
    wiki: Wiki, follow: Follow, collection: Collection
) -> None:
    source = follow("confluence", values(wiki, spaces="HR"))
    done = run(source)
    assert (done.state, differences(done)) == ("done", (4, 0, 0))
    assert codes(done) == {"HR/Leave 休假/photo.psd": "UNSUPPORTED"}
    above = "" if wiki.context else "Top/"
    assert names(collection) == sorted(
        [
            f"HR/{above}Leave   休假.html".replace("   ", " "),
            f"HR/{above}Travel.html",
            "HR/Leave 休假/plan.md",
            "HR/Top.html",
        ]
    )
    with system_scope("test: look"):
        document = Document.objects.get(name__endswith="Travel.html")
    assert document.source_url == wiki.site.url(f"{wiki.context}/pages/3")
    wiki.page(3, "Travel", "<p>By ship.</p>", version=2)
    wiki.pages[2]["files"] = {}
    done = run(source)
    assert differences(done) == (0, 1, 1)
    assert run(source).bytes == 0


def test_the_text_of_a_page_is_read_with_its_code(
    wiki: Wiki, follow: Follow, collection: Collection, inline_jobs: None
) -> None:
    run(follow("confluence", values(wiki, with_attachments=False)))
    with system_scope("test: look"):
        document = Document.objects.get(name__contains="Leave")
        version = document.versions.get()
        text = "\n".join(block.text for block in blocks_of(version))
    assert "echo <b> && reboot" in text
    assert "三十天年假" in text
    assert "language" not in text


def test_a_new_title_gives_the_document_a_new_name(
    wiki: Wiki, follow: Follow, collection: Collection
) -> None:
    source = follow("confluence", values(wiki, with_attachments=False))
    run(source)
    wiki.page(3, "Business travel", "<p>By train.</p>", version=2)
    run(source)
    assert any(name.endswith("Business travel.html") for name in names(collection))
    assert len(names(collection)) == 3


def test_a_wrong_token_and_a_missing_space_are_said(wiki: Wiki, follow: Follow) -> None:
    assert run(follow("confluence", values(wiki, token="wrong"))).error_code == "SOURCE_REFUSED"
    lost = follow("confluence", values(wiki, spaces="HR\nNONE"), name="Lost")
    assert run(lost).error_code == "SOURCE_MISSING"
    odd = refusal(lambda: follow("confluence", values(wiki, spaces="../x"), name="Odd"))
    assert "spaces" in odd.details["fields"]


def test_a_wiki_that_breaks_off_removes_nothing(
    wiki: Wiki, follow: Follow, collection: Collection
) -> None:
    source = follow("confluence", values(wiki))
    run(source)
    before = names(collection)
    complete = wiki

    def breaks_off(asked: Any) -> Any:
        return (503, {"Retry-After": "0"}, b"") if "start=" in asked.path else complete(asked)

    wiki.site.answer = breaks_off
    done = run(source)
    assert (done.state, done.error_code) == ("failed", "SOURCE_UNREACHABLE")
    assert names(collection) == before


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"not json", b'{"results": [{"a": 1}]}', b'{"results": 3}']
)
def test_odd_answers_are_said_to_be_odd(site: Served, follow: Follow, body: bytes) -> None:
    site.answer = lambda _asked: (200, {}, body)
    done = run(follow("confluence", {"url": site.url(""), "token": "x"}))
    assert (done.state, done.error_code) == ("failed", "SOURCE_ANSWER")


def test_a_link_to_another_server_is_not_followed(site: Served, follow: Follow) -> None:
    body = b'{"results": [], "_links": {"next": "http://10.0.0.1/rest/api/space"}}'
    site.answer = lambda _asked: (200, {}, body)
    done = run(follow("confluence", {"url": site.url(""), "token": "x"}))
    assert done.error_code == "SOURCE_ANSWER"


def test_markup_of_a_title_stays_text() -> None:
    assert b"<h1>&lt;script&gt;</h1>" in as_html("<script>", "")
