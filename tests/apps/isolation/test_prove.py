"""The proof finds nothing where nothing leaks, finds what does, and leaves nothing behind."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from apps.accounts.models import CANARY_DOMAIN, User
from apps.chat.models import Conversation
from apps.documents.models import Chunk, Document
from apps.engines import factory
from apps.isolation import entries, prove, sight, walk, world
from apps.isolation.caller import Caller, Seen
from apps.isolation.entries import Entry, Wanted
from apps.isolation.models import Proof
from apps.permissions.scope import Scope, system_scope
from apps.rag.ports import Reach
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.scopes import scope_of

pytestmark = pytest.mark.django_db(transaction=True)
SignIn = Callable[[User], Client]
SEARCH = entries.ENTRIES[0]


@pytest.fixture(autouse=True)
def _no_limits(settings: Any) -> None:
    settings.LIMIT_ANONYMOUS = settings.LIMIT_PERSON = ""


@pytest.fixture
def few_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """More are asked in ``test_nothing_leaks``; here some are enough."""
    some = ["api/v1/documents/<uuid:document>", "d/<uuid:document>", "v1/files"]
    monkeypatch.setattr(walk, "everything", lambda: some)


def left_behind() -> list[Any]:
    with system_scope("test: look for what was planted"):
        return [
            *Workspace.objects.filter(is_canary=True),
            *User.objects.filter(email__endswith=CANARY_DOMAIN),
            *Document.objects.filter(name__startswith="canary-"),
            *Chunk.objects.filter(text__contains="Zq"),
            *Conversation.objects.filter(title__contains="Zq"),
        ]


def test_nothing_leaks_through_any_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every entry as every visitor, for one hidden thing each; of the addresses, which
    ``tests/guards`` has all of, a fifth. The nightly proof asks for everything."""
    some, hidden_from = walk.everything()[::5], world.World.hidden_from
    monkeypatch.setattr(walk, "everything", lambda: some)
    monkeypatch.setattr(world.World, "hidden_from", lambda made, who: hidden_from(made, who)[:1])
    proof = prove.prove(number=1)
    assert proof.leaks == []
    assert proof.blind == []
    assert proof.error == ""
    assert proof.questions > 400
    assert {row["entry"] for row in proof.entries} >= {entry.name for entry in prove.ALL}
    assert {row["visitor"] for row in proof.entries} >= {
        "not signed in",
        "key for read of a viewer",
        "application on behalf of a stranger",
    }
    assert left_behind() == []


@pytest.fixture
def careless_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search whose first fence stands open: its reach is every collection."""

    def reach(_scope: Scope, _wanted: object = None) -> Reach:
        with system_scope("test: a deliberate leak"):
            ids = set(Chunk.objects.values_list("collection_id", flat=True))
        return Reach(frozenset(map(str, ids)))

    monkeypatch.setattr(Scope, "reach", reach)


def test_a_leaking_entry_is_found(few_addresses: None) -> None:
    def leaky(caller: Caller, wanted: Wanted) -> Seen:
        seen = SEARCH.ask(caller, wanted)
        with system_scope("test: a deliberate leak"):
            texts = [chunk.text for chunk in Chunk.objects.all()]
        return replace(seen, body=seen.body + "".join(texts))

    proof = prove.prove(number=4, entries=[SEARCH, Entry("leaky", leaky)])
    kinds = {(leak["entry"], leak["kind"]) for leak in proof.leaks}
    assert ("leaky", "words of a hidden document") in kinds
    assert {leak["entry"] for leak in proof.leaks} == {"leaky"}
    assert proof.is_clean is False


def test_a_count_that_gives_something_away_is_found(few_addresses: None) -> None:
    def telling(caller: Caller, wanted: Wanted) -> Seen:
        seen = SEARCH.ask(caller, wanted)
        with system_scope("test: a deliberate leak"):
            number = sum(chunk.text.split()[-1] in wanted.words for chunk in Chunk.objects.all())
        return replace(seen, counts={"documents": number})

    proof = prove.prove(number=1, entries=[SEARCH, Entry("telling", telling, is_for_keys=False)])
    assert {(leak["entry"], leak["kind"]) for leak in proof.leaks} == {
        ("telling", "another answer than for what is not there")
    }


def test_an_index_that_is_asked_for_too_much_is_found(
    careless_search: None, few_addresses: None
) -> None:
    """The second fence in SQL holds: no word comes back. What it dropped shows, and is found."""
    proof = prove.prove(number=2, entries=[SEARCH])
    assert proof.leaks
    assert {leak["kind"] for leak in proof.leaks} == {
        "more was found than may be read, and dropped before it was shown"
    }


def test_an_address_that_tells_a_thing_from_nothing_is_found(
    few_addresses: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Caller.get

    def telling(self: Caller, path: str, **query: str) -> Seen:
        seen = asked(self, path, **query)
        with system_scope("test: a deliberate leak"):
            is_there = any(str(pk) in path for pk in Document.objects.values_list("pk", flat=True))
        return replace(seen, status=403) if is_there else seen

    monkeypatch.setattr(Caller, "get", telling)
    proof = prove.prove(number=1, entries=[SEARCH])
    assert "another answer than for what is not there" in {leak["kind"] for leak in proof.leaks}


def test_an_answer_that_is_not_withheld_is_found(
    few_addresses: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.chat.queries.withheld_ids", lambda _turns: set())
    proof = prove.prove(number=1, entries=[SEARCH])
    assert {leak["entry"] for leak in proof.leaks} == {"stored answer after the right has ended"}


def test_a_proof_that_sees_nothing_at_all_does_not_pass(few_addresses: None) -> None:
    def mute(_caller: Caller, _wanted: Wanted) -> Seen:
        return Seen(200, "\n\n{}")

    proof = prove.prove(number=1, entries=[Entry("mute", mute)])
    assert proof.leaks == []
    assert proof.is_clean is False
    assert "blind" in proof.error


def test_a_crash_leaves_something_and_the_next_proof_removes_it(
    few_addresses: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as cut:
        cut.setattr(world, "remove", lambda: None)
        cut.setattr(prove, "_visit", _breaks)
        with suppress(RuntimeError):
            prove.prove(number=1, entries=[SEARCH])
    assert left_behind() != []
    assert prove.prove(number=1, entries=[SEARCH]).is_clean
    assert left_behind() == []


def _breaks(*_args: object) -> None:
    msg = "the power went"
    raise RuntimeError(msg)


@pytest.fixture
def planted() -> Iterator[world.World]:
    made = world.build()
    yield made
    world.remove()


def test_nobody_is_shown_what_is_planted(
    planted: world.World, admin: User, client_of: SignIn
) -> None:
    browser = client_of(admin)
    for path in ("/", "/administration/people", "/api/v1/workspaces", "/find?q=canary"):
        body = browser.get(path).content.decode()
        assert "canary-" not in body, path
        assert CANARY_DOMAIN not in body, path
    slug = planted.planted[0].workspace.slug
    assert browser.get(f"/w/{slug}/members").status_code == 404
    assert not set(scope_of(admin).workspaces) & {each.workspace.pk for each in planted.planted}


def test_the_names_beside_a_document_are_no_sight_of_it(planted: world.World) -> None:
    def framed(_caller: Caller, wanted: Wanted) -> Seen:
        with system_scope("test: a page that finds nothing and shows where one is"):
            place = Collection.objects.get(pk=wanted.place.collection)
        return Seen(200, f"\n\n<a href='/c/{place.pk}'>{place.name}</a>")

    assert "framed" in {name for name, _whom in sight.blind(planted, [Entry("framed", framed)])}


def test_the_index_forgets_what_was_planted() -> None:
    made = world.build()
    reach = Reach(frozenset(str(each.collection.pk) for each in made.planted))
    assert factory.index().by_words(made.planted[0].secret.code, reach, limit=5)
    world.remove()
    assert not factory.index().by_words(made.planted[0].secret.code, reach, limit=5)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_command_writes_the_report_and_fails_on_a_leak(
    language: str, few_addresses: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(prove, "ALL", [SEARCH])
    report = tmp_path / "isolation.md"
    call_command("prove_isolation", questions=1, report=report, language=language)
    text = report.read_text()
    assert ("Proof of isolation" in text) is (language == "en")
    assert text in capsys.readouterr().out
    monkeypatch.setattr("apps.chat.queries.withheld_ids", lambda _turns: set())
    with pytest.raises(SystemExit):
        call_command("prove_isolation", questions=1)


def test_the_page_shows_the_last_proof_to_administrators(
    admin: User, alice: User, client_of: SignIn, sent_jobs: list[tuple[str, dict[str, Any]]]
) -> None:
    browser = client_of(admin)
    assert b"Not proven yet" in browser.get("/administration/isolation").content
    rows = [{"entry": "find", "visitor": "stranger", "questions": 12, "leaks": 0}]
    Proof.objects.create(questions=12, entries=rows)
    assert b"No leak was found" in browser.get("/administration/isolation").content
    assert b"stranger" in browser.get("/administration/isolation/report.md").content
    assert browser.post("/administration/isolation/begin").status_code == 302
    assert ("isolation.prove", {}) in sent_jobs
    assert client_of(alice).get("/administration/isolation").status_code == 403
