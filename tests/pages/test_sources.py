"""The pages of sources: for managers; others learn nothing."""

from typing import Any

import pytest
from django.urls import reverse

from apps.permissions.scope import system_scope
from apps.sources import services
from apps.sources.models import Source, SourceRun
from tests import factories
from tests.apps.sources.conftest import (
    run,
    share,  # noqa: F401 - a fixture
    write,
)

pytestmark = pytest.mark.django_db


def new(collection, kind="folder"):
    return reverse("sources:new", args=[collection.pk]) + f"?kind={kind}"


def at(name, source):
    return reverse(f"sources:{name}", args=[source.pk])


def typed(path, **more: Any) -> dict[str, Any]:
    return {"name": "Handbook", "every": "60", "path": str(path), "only": "*.md\n", **more}


def stored() -> list[Source]:
    with system_scope("test: look"):
        return list(Source.objects.all())


def test_a_manager_follows_a_folder(alice, collection, share, client_of):  # noqa: F811
    browser = client_of(alice)
    kinds = browser.get(reverse("sources:new", args=[collection.pk])).content.decode()
    assert 'href="?kind=folder"' in kinds
    answer = browser.post(new(collection), typed(share))
    (source,) = stored()
    assert answer["Location"] == at("source", source)
    assert (source.settings["only"], source.every_minutes, source.owner) == (["*.md"], 60, alice)
    write(share / "a.md")
    run(source)
    page = browser.get(at("source", source)).content.decode()
    assert "Up to date" in page
    assert "+1" in page


def test_what_is_wrong_is_said_beside_its_field(alice, collection, share, client_of):  # noqa: F811
    answer = client_of(alice).post(new(collection), typed("/etc"))
    assert answer.status_code == 422
    assert f"Choose a folder below one of these: {share.parent}" in answer.content.decode()
    assert not stored()


def test_a_test_goes_step_by_step_and_stores_nothing(alice, collection, share, client_of):  # noqa: F811
    browser = client_of(alice)
    url = reverse("sources:test", args=[collection.pk]) + "?kind=folder"
    empty = browser.post(url, typed(share)).content.decode()
    assert "Nothing was found there" in empty
    write(share / "a.md")
    assert "a.md" in browser.post(url, typed(share)).content.decode()
    assert "Choose a folder" in browser.post(url, typed("/etc")).content.decode()
    assert not stored()


def test_a_name_that_is_taken_is_said(alice, collection, share, client_of):  # noqa: F811
    factories.make_source(collection, alice, name="Handbook")
    answer = client_of(alice).post(new(collection), typed(share))
    assert "has a source of this name already" in answer.content.decode()


def test_a_source_is_edited_paused_and_run(alice, collection, share, client_of):  # noqa: F811
    browser = client_of(alice)
    source = factories.make_source(collection, alice, settings={"path": str(share)})
    browser.post(at("edit", source), typed(share, every="daily", daily_at="04:30"))
    browser.post(at("switch", source))
    browser.post(at("start", source))
    (changed,) = stored()
    assert (str(changed.daily_at), changed.is_on, changed.name) == ("04:30:00", False, "Handbook")
    with system_scope("test: look"):
        assert SourceRun.objects.get().state == "queued"
    assert "04:30" in browser.get(at("edit", source)).content.decode()


def test_a_question_is_answered_on_the_page(alice, collection, share, client_of):  # noqa: F811
    browser = client_of(alice)
    source = factories.make_source(collection, alice, settings={"path": str(share)})
    for n in range(12):
        write(share / f"{n}.md", f"text {n}")
    run(source)
    for n in range(11):
        (share / f"{n}.md").unlink()
    asked = run(source)
    page = browser.get(at("source", source)).content.decode()
    assert "Yes, remove 11 documents" in page
    assert "11 of 12 documents" in page
    browser.post(at("confirm", source), {"remove": "3"})
    with system_scope("test: look"):
        assert not SourceRun.objects.filter(may_remove__gt=0).exists()
    browser.post(at("confirm", source), {"remove": "11"})
    with system_scope("test: look"):
        assert SourceRun.objects.get(state="queued").may_remove == 11
        assert asked.to_remove == 11


def test_problems_have_their_reason(alice, collection, share, client_of):  # noqa: F811
    source = factories.make_source(collection, alice, settings={"path": str(share)})
    write(share / "<b>bad.pdf", "no PDF")
    done = run(source)
    url = reverse("sources:run", args=[source.pk, done.pk])
    page = client_of(alice).get(url).content.decode()
    assert "&lt;b&gt;bad.pdf" in page
    assert "damaged" in page


def test_a_source_ends_and_its_documents_stay_or_go(alice, collection, share, client_of):  # noqa: F811
    browser = client_of(alice)
    kept, going = (factories.make_source(collection, alice) for _ in range(2))
    browser.post(at("delete", kept), {"documents": "keep"})
    browser.post(at("delete", going), {"documents": "delete"})
    (left,) = stored()
    assert (left.pk, left.is_ending) == (going.pk, True)
    assert "Being removed" in browser.get(at("source", going)).content.decode()


def test_readers_and_contributors_are_shown_nothing(alice, bob, collection, client_of):
    dora = factories.make_user("dora")
    factories.make_grant(collection, dora, role="contributor")
    source = factories.make_source(collection, alice)
    pages = [
        reverse("sources:list", args=[collection.pk]),
        at("source", source),
        at("edit", source),
    ]
    for user, status in ((bob, {403, 404}), (dora, {403})):
        browser = client_of(user)
        assert {browser.get(page).status_code for page in pages} <= status
        for name in ("start", "switch", "confirm", "delete"):
            assert browser.post(at(name, source)).status_code in status
        listed = browser.get(reverse("documents:list", args=[collection.pk])).content.decode()
        assert pages[0] not in listed
    (untouched,) = stored()
    assert untouched.is_on


def test_the_list_asks_again_while_something_is_at_work(alice, collection, client_of):
    source = factories.make_source(collection, alice)
    page = reverse("sources:list", args=[collection.pk])
    assert "hx-trigger" not in part(client_of(alice), page)
    with system_scope("test: queued"):
        services.start(source)
    assert "hx-trigger" in part(client_of(alice), page)


def part(browser, page):
    return browser.get(page, headers={"HX-Request": "true"}).content.decode()
