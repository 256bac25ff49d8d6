"""What changed between two versions, and back to an older one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.core.errors import AppError
from apps.documents import services
from apps.documents.life.comparing import Comparison, compare
from apps.documents.models import Document, DocumentVersion
from apps.permissions.scope import ScopeDenied, system_scope
from apps.workspaces.models import Collection
from tests.apps.documents.conftest import As, add, searched

SignIn = Callable[[User], Client]
OLD = """The notice period is ninety days.

Cooling water is inspected twice a year.

付款期限为三十天，自发票日期起计算。

This paragraph goes away entirely, with all its words.

The last paragraph is the same."""
NEW = """The notice period is thirty days.

Cooling water is inspected twice a year.

付款期限为六十天，自发票日期起计算。

The last paragraph is the same.

Something quite different was appended here at the end."""


@pytest.fixture
def document(inline_jobs: None, as_: As, alice: User, collection: Collection) -> Document:
    with as_(alice):
        added = add(collection, OLD.encode(), "terms.txt")
        add(collection, NEW.encode(), "terms.txt", on_existing="version")
    return added.document


def versions(document: Document) -> tuple[DocumentVersion, DocumentVersion]:
    with system_scope("test: its versions"):
        old, new = document.versions.order_by("number")
    return old, new


def pieces(compared: Comparison, kind: str) -> str:
    return "|".join(
        piece.text for row in compared.rows for piece in row.stretches if piece.kind == kind
    )


def test_it_says_word_by_word_what_changed_in_both_languages(
    as_: As, bob: User, document: Document
) -> None:
    with as_(bob):
        told = compare(*versions(document))
    assert (told.changed, told.added, told.removed) == (2, 1, 1)
    assert "ninety" in pieces(told, "gone")
    assert "thirty" in pieces(told, "new")
    assert "三" in pieces(told, "gone").split("|")
    assert "六" in pieces(told, "new").split("|")
    assert "goes away entirely" in pieces(told, "gone")
    assert "appended here" in pieces(told, "new")


def test_a_version_is_the_same_as_itself(as_: As, bob: User, document: Document) -> None:
    with as_(bob):
        old, _new = versions(document)
        assert compare(old, old).is_same


def test_unchanged_paragraphs_are_counted_and_not_shown(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    many = [f"Paragraph number {n} is about the subject {n}." for n in range(40)]
    changed = [*many[:20], "Paragraph number 20 is about another matter.", *many[21:]]
    with as_(alice):
        added = add(collection, "\n\n".join(many).encode(), "long.txt")
        add(collection, "\n\n".join(changed).encode(), "long.txt", on_existing="version")
        told = compare(*versions(added.document))
    assert [(row.kind, row.skipped) for row in told.rows] == [
        ("skipped", 19),
        ("same", 0),
        ("changed", 0),
        ("same", 0),
        ("skipped", 18),
    ]


def test_one_goes_back_to_an_older_version(
    as_: As, alice: User, bob: User, collection: Collection, document: Document
) -> None:
    old, new = versions(document)
    with as_(bob), pytest.raises(ScopeDenied):
        services.return_to(version=old)
    with as_(alice):
        assert "thirty days" in searched("notice period", collection)
        services.return_to(version=old)
        document.refresh_from_db()
        assert document.current == old
        assert "ninety days" in searched("notice period", collection)
        assert "thirty days" not in searched("notice period", collection)
        services.return_to(version=new)  # and forth
        assert "thirty days" in searched("notice period", collection)
        new.refresh_from_db()
        with pytest.raises(AppError):
            services.return_to(version=new)


def test_the_page_shows_it_and_a_stranger_sees_nothing(
    alice: User, bob: User, carol: User, document: Document, client_of: SignIn
) -> None:
    old, _new = versions(document)
    url = f"/d/{document.pk}/compare"
    page = client_of(bob).get(url).content.decode()
    assert "<del>ninety</del>" in page
    assert "<ins>thirty</ins>" in page
    assert "Go back to version" not in page
    assert "Go back to version 1" in client_of(alice).get(url).content.decode()
    assert client_of(bob).get(f"{url}?old={old.pk}&new={old.pk}").status_code == 200
    assert client_of(bob).get(f"{url}?old=nonsense").status_code == 404
    assert client_of(carol).get(url).status_code == 404
    back = f"/d/{document.pk}/versions/{old.pk}/return"
    assert client_of(carol).post(back).status_code == 404
    assert client_of(bob).post(back).status_code == 403
    assert client_of(alice).post(back).status_code == 302


def test_the_api_compares_and_returns(
    alice: User, bob: User, carol: User, document: Document, api_of: Callable[[User], Any]
) -> None:
    path = f"documents/{document.pk}"
    old, new = (f"{path}/versions/{one.pk}/return" for one in versions(document))
    body = api_of(bob).get(f"{path}/compare?old=1&new=2").json()
    assert (body["changed"], body["added"], body["removed"]) == (2, 1, 1)
    assert api_of(bob).get(f"{path}/compare?old=1&new=9").status_code == 404
    assert api_of(bob).get(f"{path}/compare?old=one&new=2").status_code == 400
    assert api_of(carol).get(f"{path}/compare?old=1&new=2").status_code == 404
    assert api_of(bob).post(old, {}).status_code == 403
    assert api_of(carol).post(old, {}).status_code == 404
    assert api_of(alice).post(new, {}).status_code == 409
    assert api_of(alice).post(old, {}).json()["version"] == 3
