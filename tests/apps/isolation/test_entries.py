"""Every entry can fail: a right that is too wide is found through each of them, and one that shows
nothing to anybody is told from one that keeps a secret."""

from dataclasses import replace
from typing import Any

import pytest

from apps.accounts.models import User
from apps.applications import keys
from apps.applications.models import Application
from apps.documents.models import Document
from apps.isolation import dialects, lists, looks, prove, sight, walk, world
from apps.isolation.caller import Caller, Seen
from apps.isolation.entries import Entry, Wanted
from apps.isolation.models import Proof
from apps.isolation.visitors import Visitor
from apps.permissions.roles import GRANTS, Role
from apps.permissions.scope import Scope, system_scope
from apps.workspaces import scopes
from apps.workspaces.models import Collection, Workspace

pytestmark = pytest.mark.django_db(transaction=True)
OWN = "application without the grant that its viewer has"


@pytest.fixture(autouse=True)
def _no_limits(settings: Any) -> None:
    settings.LIMIT_ANONYMOUS = settings.LIMIT_PERSON = ""


@pytest.fixture
def few_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are asked where nothing leaks; here the lists of the API are enough."""
    some = ["api/v1/collections/<uuid:collection>/documents", "v1/files", "v1/vector_stores"]
    monkeypatch.setattr(walk, "everything", lambda: some)


@pytest.fixture
def few_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    """One with a session, and three programs."""
    build = world.build

    def smaller() -> world.World:
        made = build()
        names = {"stranger", "application on behalf of a stranger", "application for itself", OWN}
        asking = tuple(each for each in made.cast.asking if each.name in names)
        return replace(made, cast=replace(made.cast, asking=asking))

    monkeypatch.setattr(world, "build", smaller)


def entry(name: str) -> Entry:
    return next(each for each in prove.ALL if each.name == name)


def found_in(proof: Proof) -> set[str]:
    return {leak["entry"] for leak in proof.leaks}


def test_a_right_that_is_too_wide_is_found_through_every_entry(
    few_addresses: None, few_visitors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folded = scopes.folded

    def wide(facts: Any) -> Scope:
        with system_scope("test: a deliberate leak"):
            places = frozenset(Collection.objects.values_list("pk", flat=True))
            rooms = list(Workspace.objects.values_list("pk", flat=True))
        held = dict.fromkeys(rooms, GRANTS[Role.VIEWER])
        return replace(folded(facts), readable=places, workspaces=held)

    monkeypatch.setattr(scopes, "folded", wide)
    # One hidden thing is enough to see a leak by, and one more look to see that it stays.
    hidden_from = world.World.hidden_from
    monkeypatch.setattr(world.World, "hidden_from", lambda made, who: hidden_from(made, who)[:1])
    monkeypatch.setattr(prove, "_AGAIN", 1)
    proof = prove.prove(number=1)
    assert {each.name for each in prove.ALL} - found_in(proof) == set()
    assert sight.LISTS in found_in(proof)


def test_an_application_that_gets_more_than_it_was_granted_is_found(
    few_addresses: None, few_visitors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Application ∩ employee, without the first half."""
    monkeypatch.setattr("apps.applications.rights._shared", lambda person, _application: person)
    proof = prove.prove(number=1, entries=[entry("MCP search"), entry("/v1 chat")])
    assert found_in(proof) >= {"MCP search", "/v1 chat"}
    assert {leak["visitor"] for leak in proof.leaks} == {OWN}


def test_an_application_that_forgets_for_whom_it_asks_is_found(
    few_addresses: None, few_visitors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second half: with its own rights it would read what it was granted, whoever asks."""
    effective = keys.effective_scope
    monkeypatch.setattr(keys, "effective_scope", lambda key, _person: effective(key, None))
    proof = prove.prove(number=1, entries=[entry("MCP fetch of a document")])
    who = {leak["visitor"] for leak in proof.leaks if leak["entry"] == "MCP fetch of a document"}
    assert "application on behalf of a stranger" in who


def test_a_list_that_counts_what_is_hidden_is_found(
    few_addresses: None, few_visitors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Caller.get

    def counting(self: Caller, path: str, **query: str) -> Seen:
        seen = asked(self, path, **query)
        with system_scope("test: a deliberate leak"):
            number = Document.objects.count()
        return replace(seen, body=seen.body.replace('"has_more"', f'"of": {number}, "has_more"'))

    monkeypatch.setattr(Caller, "get", counting)
    proof = prove.prove(number=1, entries=[entry("search, by words")])
    lists_ = {(leak["kind"], leak["where"]) for leak in proof.leaks if leak["entry"] == sight.LISTS}
    assert ("one more hidden document changes it", "v1/files") in lists_


def test_a_program_whose_key_is_not_sent_proves_nothing(
    few_addresses: None, few_visitors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every answer is a refusal then, and looks as if nothing leaked."""
    monkeypatch.setattr(Visitor, "headers", lambda _self: {})
    asked = [entry("MCP search"), entry("search, by words")]
    proof = prove.prove(number=1, entries=asked)
    assert proof.is_clean is False
    assert ["MCP search", "key for all of a viewer"] in proof.blind
    assert [
        "search, by words",
        "application on behalf of a viewer of one collection",
    ] in proof.blind
    assert ["search, by words", "viewer of one collection"] not in proof.blind


@pytest.mark.parametrize("name", [each.name for each in dialects.ENTRIES])
def test_a_blind_entry_is_named(name: str, few_addresses: None) -> None:
    deaf = replace(entry(name), ask=lambda _caller, _wanted: Seen(200, "\n\n{}"))
    made = world.build()
    try:
        assert {each for each, _who in sight.blind(made, [deaf])} == {name}
    finally:
        world.remove()


def test_an_echo_of_where_one_asked_is_no_leak(few_addresses: None) -> None:
    """Who is not signed in is sent to do so, with the address that they came for."""
    made = world.build()
    try:
        nobody = next(each for each in made.visitors if each.user is None)
        wanted = Wanted("?", made.planted[0].target)
        page = entry("search page")
        seen = page.ask(Caller(nobody), wanted)
        assert made.planted[0].workspace.slug in seen.body
        assert looks.words_in(seen, made.planted, known=[], asked=page.sent(wanted)) == []
        assert looks.words_in(seen, made.planted, known=[], asked=wanted.words) != []
    finally:
        world.remove()


def test_streams_are_compared_by_their_keys_and_not_by_their_bytes() -> None:
    def stream(*events: str) -> Seen:
        body = "".join(f"event: message\ndata: {event}\n\n" for event in events)
        return Seen(200, f"content-type: text/event-stream\n\n{body}")

    one = stream('{"id": 1, "result": {"results": []}}')
    assert looks.form_of(one) == looks.form_of(stream('{"id": 22, "result": {"results": []}}'))
    assert looks.form_of(one) != looks.form_of(stream('{"id": 1, "result": {"results": [{}]}}'))
    assert looks.form_of(one) != looks.form_of(stream('{"id": 1, "error": {"results": []}}'))


def test_what_changes_by_itself_is_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time, a token, a figure of others: different while nothing is planted too."""
    at_work = iter(range(1000))
    asked = Caller.get

    def busy(self: Caller, path: str, **query: str) -> Seen:
        seen = asked(self, path, **query)
        return replace(seen, body=f"{seen.body} {next(at_work)}")

    monkeypatch.setattr(Caller, "get", busy)
    monkeypatch.setattr(walk, "everything", lambda: ["v1/files"])
    made = world.build()
    try:
        caller = Caller(made.cast.entitled["session"])
        hidden = made.hidden_from(caller.visitor)
        assert [each.is_changed for each in lists.told(caller, made, hidden)] == [False]
    finally:
        world.remove()


def test_an_export_that_tells_of_itself_is_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each export of the audit is one more line of the next."""
    monkeypatch.setattr(walk, "everything", lambda: ["w/<slug:slug>/audit.csv"])
    made = world.build()
    manager = next(each for each in made.visitors if each.name == "manager of another department")
    try:
        caller = Caller(manager)
        found = list(lists.told(caller, made, made.hidden_from(manager)))
        assert [each.is_changed for each in found] == [False]
        mine = made.read_by(manager)
        assert mine is not None
        assert [each.is_changed for each in lists.told(caller, made, [mine])] == [True]
    finally:
        world.remove()


def test_planted_applications_are_on_no_list(admin: User, client_of: Any) -> None:
    made = world.build()
    try:
        browser = client_of(admin)
        program = made.cast.entitled["application"].program
        assert program is not None
        for path in ("/api/v1/applications", "/administration/applications"):
            answer = browser.get(path)
            assert answer.status_code == 200
            assert "canary" not in answer.content.decode(), path
        one = f"/api/v1/applications/{program.application_id}"
        assert browser.get(one).status_code == 404
    finally:
        world.remove()
    assert not Application.with_planted.exists()
