"""The line that follows somebody across pages while what they brought is on its way."""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.documents import ingest
from apps.documents.runs.incoming import batches
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection
from tests.apps.documents.conftest import As, add

SignIn = Callable[[User], Client]
URL = "/incoming"


@pytest.fixture
def brought(as_: As, alice: User, collection: Collection) -> None:
    """Two files on their way, and one that is broken."""
    with as_(alice):
        add(collection, b"The notice period is ninety days.", "a.txt")
        add(collection, b"Cooling water is tested.", "b.txt")
        add(collection, b"%PDF-1.7 and nothing more", "broken.pdf")


def worked() -> None:
    with system_scope("test: a worker"):
        for _ in range(3):
            ingest.parse()
        for _ in range(3):
            ingest.embed()


def test_it_tells_whoever_brought_them_how_far_they_are(
    alice: User, collection: Collection, brought: None, client_of: SignIn
) -> None:
    browser = client_of(alice)
    told = browser.get(URL).content.decode()
    assert "3 of 3 files on their way" in told
    assert "every 4s" in told
    worked()
    told = browser.get(f"{URL}?watched={collection.pk}").content.decode()
    assert "2 files are searchable" in told
    assert "1 needs you" in told
    assert "every 4s" not in told


def test_it_is_silent_when_nothing_is_on_its_way(
    alice: User, collection: Collection, brought: None, client_of: SignIn
) -> None:
    worked()
    assert "<p" not in client_of(alice).get(URL).content.decode()


def test_it_is_silent_on_the_page_that_says_it_anyway(
    alice: User, collection: Collection, brought: None, client_of: SignIn
) -> None:
    assert "<p" not in client_of(alice).get(f"{URL}?here={collection.pk}").content.decode()


def test_others_are_told_nothing_not_even_when_they_ask(
    bob: User, carol: User, collection: Collection, brought: None, client_of: SignIn
) -> None:
    for person in (bob, carol):
        told = client_of(person).get(f"{URL}?watched={collection.pk}").content.decode()
        assert "<p" not in told
    assert Client().get(URL).status_code in {302, 401}


def test_garbage_is_no_collection(alice: User, client_of: SignIn) -> None:
    assert client_of(alice).get(f"{URL}?watched=x,,1&here=%00").status_code == 200


def test_every_page_asks_for_it(alice: User, collection: Collection, client_of: SignIn) -> None:
    browser = client_of(alice)
    assert 'id="incoming"' in browser.get("/", follow=True).content.decode()
    assert f"?here={collection.pk}" in browser.get(f"/k/{collection.pk}/").content.decode()


def test_what_one_may_no_longer_read_is_not_told(
    as_: As, alice: User, brought: None, collection: Collection
) -> None:
    with system_scope("test: alice loses her role"):
        collection.workspace.members.all().delete()
    with as_(alice):
        assert batches({collection.pk}) == []
