"""Documents have days on which they count, an owner and a day to look at them again; outside their
days search does not answer from them."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import AppError
from apps.documents.life import validity
from apps.documents.life.validity import Validity, set_validity
from apps.documents.models import Document
from apps.permissions.scope import ScopeDenied
from apps.search.services import search
from apps.workspaces.models import Collection
from tests import factories
from tests.apps.documents.conftest import As

SignIn = Callable[[User], Client]
ALWAYS = Validity(None, None, None)


def today(days: int = 0) -> date:
    return timezone.localdate() + timedelta(days=days)


@pytest.fixture
def document(collection: Collection) -> Document:
    return factories.make_document(collection, "notice.txt")


def says(as_of: date | None = None) -> bool:
    return bool(search(question="notice period", as_of=as_of, log=False).passages)


@pytest.mark.parametrize(
    ("start", "end", "counts"),
    [(None, 0, True), (None, -1, False), (0, None, True), (1, None, False), (-9, 9, True)],
)
def test_search_answers_on_the_days_of_a_document_and_no_others(
    as_: As,
    alice: User,
    bob: User,
    document: Document,
    start: int | None,
    end: int | None,
    *,
    counts: bool,
) -> None:
    days = [None if day is None else today(day) for day in (start, end)]
    with as_(alice):
        set_validity(document=document, validity=Validity(days[0], days[1], None))
    with as_(bob):
        assert says() is counts


def test_one_may_ask_as_of_a_day(
    as_: As, alice: User, bob: User, collection: Collection, document: Document
) -> None:
    newer = factories.make_document(collection, "new.txt", texts=["The notice period is 30 days."])
    with as_(alice):
        set_validity(document=document, validity=Validity(None, date(2025, 12, 31), None))
        set_validity(document=newer, validity=Validity(date(2026, 1, 1), None, None))
    with as_(bob):
        for day, name in ((date(2025, 6, 1), "notice.txt"), (date(2026, 6, 1), "new.txt")):
            found = search(question="notice period", as_of=day, log=False).passages
            assert {passage.document_name for passage in found} == {name}


def test_an_expired_document_stays_readable_and_is_said_to_be_expired(
    as_: As, alice: User, bob: User, document: Document, client_of: SignIn
) -> None:
    with as_(alice):
        set_validity(document=document, validity=Validity(None, today(-1), None))
    browser = client_of(bob)
    page = browser.get(f"/d/{document.pk}").content.decode()
    assert "expired on" in page
    assert "Search does not answer from it." in page
    listed = browser.get(f"/k/{document.collection_id}/rows?state=expired").content.decode()
    assert "notice.txt" in listed
    assert "expired on" in listed


def test_what_ends_or_is_to_be_reviewed_soon_is_shown_to_those_who_may_change_it(
    as_: As, alice: User, bob: User, document: Document, client_of: SignIn
) -> None:
    with as_(alice):
        set_validity(document=document, validity=Validity(None, today(9), None))
    assert "1 document ends or is to be reviewed soon" in (
        client_of(alice).get("/").content.decode()
    )
    assert "to be reviewed soon" not in client_of(bob).get("/").content.decode()


def test_the_owner_is_somebody_who_may_read_it(
    as_: As, alice: User, bob: User, carol: User, document: Document
) -> None:
    with as_(alice):
        changed = set_validity(document=document, validity=ALWAYS, owner=bob.email.upper())
        assert changed.owner == bob
        for name in (carol.email, "nobody@example.org"):
            with pytest.raises(AppError) as caught:
                set_validity(document=document, validity=ALWAYS, owner=name)
            assert caught.value.details == {"field": "owner", "reason": "owner"}
        assert set_validity(document=document, validity=ALWAYS, owner="").owner is None


def test_a_document_does_not_end_before_it_begins(as_: As, alice: User, document: Document) -> None:
    with as_(alice), pytest.raises(AppError) as caught:
        set_validity(document=document, validity=Validity(today(1), today(0), None))
    assert caught.value.details["field"] == "valid_until"


def test_viewers_change_nothing(as_: As, bob: User, document: Document) -> None:
    with as_(bob), pytest.raises(ScopeDenied):
        set_validity(document=document, validity=ALWAYS)


def test_what_each_day_means(document: Document) -> None:
    for field, days, standing in (
        ("valid_until", -1, "expired"),
        ("valid_until", 0, ""),
        ("valid_from", 1, "future"),
        ("review_on", 0, "review"),
        ("review_on", 1, ""),
    ):
        one = Document(**{field: today(days)})
        assert validity.standing_of(one) == standing, (field, days)


# --- doors ----------------------------------------------------------------------------------------
def test_the_page_takes_it_and_says_what_is_wrong(
    as_: As, alice: User, bob: User, document: Document, client_of: SignIn
) -> None:
    url = f"/d/{document.pk}/validity"
    wrong = {"valid_from": "2026-02-01", "valid_until": "2026-01-01", "owner": "x@y.z"}
    told = client_of(alice).post(url, wrong)
    assert told.status_code == 422
    assert "before the one that it is valid from" in told.content.decode()
    right = {"valid_until": "2026-01-01", "owner": alice.email}
    assert client_of(alice).post(url, right)["Location"] == f"/d/{document.pk}"
    with as_(alice):
        document.refresh_from_db()
        assert (document.valid_until, document.owner) == (date(2026, 1, 1), alice)
    assert client_of(bob).post(url, right).status_code == 403


def test_the_api_changes_what_is_named_and_nothing_else(
    alice: User, bob: User, carol: User, document: Document, api_of: Callable[[User], Any]
) -> None:
    path = f"documents/{document.pk}"
    sent = {"valid_until": "2031-01-01", "review_on": "2030-01-01", "owner": bob.email}
    body = api_of(alice).patch(path, sent).json()
    assert {name: body[name] for name in sent} == sent
    body = api_of(alice).patch(path, {"valid_until": None}).json()
    assert (body["valid_until"], body["review_on"]) == (None, "2030-01-01")
    assert body["name"] == document.name
    assert api_of(alice).patch(path, {"valid_until": "soon"}).status_code == 400
    assert api_of(bob).patch(path, sent).status_code == 403
    assert api_of(carol).patch(path, sent).status_code == 404


def test_the_api_searches_as_of_a_day(
    as_: As, alice: User, document: Document, api_of: Callable[[User], Any]
) -> None:
    with as_(alice):
        set_validity(document=document, validity=Validity(None, date(2020, 1, 1), None))
    ask = {"query": "notice period"}
    assert api_of(alice).post("search", ask).json()["hits"] == []
    found = api_of(alice).post("search", {**ask, "as_of": "2019-05-01"}).json()["hits"]
    assert found[0]["document"]["name"] == "notice.txt"
    assert api_of(alice).post("search", {**ask, "as_of": "yesterday"}).status_code == 400


def test_the_balance_says_which_documents_do_not_count_today(
    as_: As, alice: User, bob: User, carol: User, collection: Collection, client_of: SignIn
) -> None:
    for number, days in enumerate([(None, -1), (1, None), (None, 0)]):
        document = factories.make_document(collection, f"{number}.txt")
        start, end = (None if day is None else today(day) for day in days)
        with as_(alice):
            set_validity(document=document, validity=Validity(start, end, None))
    path = f"/api/v1/collections/{collection.pk}/balance"
    counts = client_of(bob).get(path).json()
    assert (counts["received"], counts["searchable"], counts["not_valid"]) == (3, 1, 2)
    page = client_of(bob).get(f"/k/{collection.pk}/").content.decode()
    assert "<b>2</b> not valid today" in page
    assert client_of(carol).get(path).status_code == 404
