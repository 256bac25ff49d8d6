"""The list of events is a chain: what is changed or removed shows, and a person can be erased."""

from collections.abc import Callable, Iterator
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import translation

from apps.accounts.models import User
from apps.events import chain, erasing, reasons, services
from apps.events.models import Chain, Event, Relay
from apps.permissions.scope import ScopeDenied, entered, system_scope
from apps.workspaces.scopes import scope_of
from tests import factories


@pytest.fixture
def _happened(alice: User, bob: User) -> None:
    for user in (alice, bob, alice, bob):
        with entered(scope_of(user)):
            services.record("person.renamed", user, email=user.email, name="张三丰" * 2)
    with system_scope("test: something happens"):
        services.record("person.added", email="dora@example.com")
        chain.extend()


def verified(*arguments: str) -> tuple[str, int]:
    out = StringIO()
    try:
        call_command("verify_events", *arguments, stdout=out)
    except SystemExit as left:
        return out.getvalue(), int(left.code or 0)
    return out.getvalue(), 0


@pytest.mark.usefixtures("_happened")
def test_an_untouched_list_is_whole() -> None:
    said, status = verified()
    assert status == 0
    assert "5 events, 0 of them erased." in said
    assert "Whole." in said


@pytest.mark.usefixtures("_happened")
def test_places_have_no_gaps_and_sealing_again_changes_nothing() -> None:
    before = list(Event.objects.order_by("position").values_list("position", "link"))
    assert [position for position, _link in before] == [1, 2, 3, 4, 5]
    assert chain.extend() == 0
    assert list(Event.objects.order_by("position").values_list("position", "link")) == before


@pytest.mark.usefixtures("_happened")
def test_what_was_committed_late_comes_after_what_is_sealed(alice: User) -> None:
    """Ids are made before the commit: a slow transaction's event has an older one."""
    with entered(scope_of(alice)):
        late = services.record("person.renamed", alice)
    first = Event.objects.order_by("id").first()
    assert first is not None
    Event.objects.filter(pk=late.pk).update(id=first.pk.hex[:-4] + "0000")
    chain.extend()
    assert chain.verify().is_whole
    assert Event.objects.get(position=6).kind == "person.renamed"


@pytest.mark.usefixtures("_happened")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("data", {"email": "somebody@else.example"}),
        ("actor_id", None),
        ("kind", "person.joined"),
        ("address", "192.0.2.1"),
    ],
)
def test_a_changed_event_is_found(column: str, value: object) -> None:
    Event.objects.filter(position=2).update(**{column: value})
    said, status = verified()
    assert status == 1
    assert "BROKEN at 2: This event was changed" in said


@pytest.mark.usefixtures("_happened")
@pytest.mark.parametrize(
    ("place", "says"), [(3, "BROKEN at 3: An event is missing"), (5, "The end")]
)
def test_a_removed_event_is_found(place: int, says: str) -> None:
    Event.objects.filter(position=place).delete()
    said, status = verified()
    assert status == 1
    assert says in said


@pytest.mark.usefixtures("_happened")
def test_a_chain_made_anew_does_not_hold_the_link_that_was_kept_outside() -> None:
    said, _status = verified()
    kept = said.partition("Last link: ")[2].split()[0]
    assert verified("--expect", kept)[1] == 0
    Event.objects.filter(position=1).update(data={"email": "forged@example.com"})
    Event.objects.update(position=None, link="", digest="")
    Chain.objects.update(position=0, link=chain.FIRST)
    said, status = verified("--expect", kept)
    assert status == 1
    assert "not in this chain" in said


@pytest.mark.usefixtures("_happened")
def test_a_person_is_erased_and_the_chain_holds(alice: User, bob: User, admin: User) -> None:
    out = StringIO()
    call_command("erase_from_events", "--person", bob.email, stdout=out)
    assert "2 events were emptied." in out.getvalue()
    chain.extend()
    left = str(list(Event.objects.values()))
    assert bob.email not in left
    assert str(bob.pk) not in left
    assert alice.email in left
    assert verified()[1] == 0


@pytest.mark.usefixtures("_happened")
def test_a_name_in_other_letters_is_found_too(admin: User, alice: User) -> None:
    with entered(scope_of(admin)):
        assert erasing.erase(person=factories.make_user("nobody").pk, names=("张三丰",)) == 4


@pytest.mark.usefixtures("_happened")
def test_emptying_an_event_by_hand_is_found_though_it_calls_itself_erased(alice: User) -> None:
    call_command("erase_from_events", "--person", alice.email, stdout=StringIO())
    chain.extend()
    told = Event.objects.get(kind="events.erased")
    Event.objects.filter(position=2).update(data={}, actor=None, salt="", erased_by=told.pk)
    said, status = verified()
    assert status == 1
    assert "emptied" in said


@pytest.mark.usefixtures("_happened")
def test_only_administrators_erase(carol: User, bob: User) -> None:
    with entered(scope_of(carol)), pytest.raises(ScopeDenied):
        erasing.erase(person=bob.pk)


def test_nobody_is_erased_by_a_name_that_is_not_known(db: None) -> None:
    with pytest.raises(CommandError):
        call_command("erase_from_events", "--person", "nobody@example.com")


def test_what_a_proof_plants_stays_out(db: None) -> None:
    planted = User.objects.plant(name="planted")
    with entered(scope_of(planted)):
        services.record("chat.asked")
    assert chain.extend() == 0
    Event.objects.all().delete()
    assert verified()[1] == 0


@pytest.mark.usefixtures("_happened")
def test_the_audit_page_says_whether_it_holds(
    admin: User, client_of: Callable[[User], Client]
) -> None:
    verified()
    browser = client_of(admin)
    assert "nothing was changed or removed" in browser.get("/administration/audit").content.decode()
    Event.objects.filter(position=2).update(kind="person.joined")
    verified()
    assert "does not hold at place 2" in browser.get("/administration/audit").content.decode()


@pytest.mark.usefixtures("_happened")
def test_what_is_appended_and_erased_during_a_comparison_is_no_fault(
    alice: User, bob: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = chain._in_order

    def meanwhile(head: Chain) -> Iterator[Event]:
        yield from read(head)
        with entered(scope_of(admin)):
            services.record("person.added", email="eve@example.com")
            erasing.erase(person=bob.pk)
        chain.extend()

    monkeypatch.setattr(chain, "_in_order", meanwhile)
    report = chain.verify()
    assert (report.is_whole, report.length) == (True, 5)
    monkeypatch.undo()
    assert chain.verify().is_whole


@pytest.mark.usefixtures("_happened")
def test_an_erasure_that_nobody_did_is_found(alice: User) -> None:
    Event.objects.filter(position=2).update(data={}, salt="", erased_by=uuid4())
    assert chain.verify().reason == "erasure"


@pytest.mark.usefixtures("_happened")
def test_an_event_behind_the_end_is_found() -> None:
    Event.objects.filter(position=5).update(position=9)
    Chain.objects.update(position=4, link=Event.objects.get(position=4).link)
    assert chain.verify().reason == "end"


def test_an_erasure_forgets_the_key_and_reaches_what_another_worker_left_waiting(
    alice: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _plain = factories.make_api_key(alice)
    with entered(scope_of(alice, key=key)):
        services.record("chat.asked")
    extend, tries = chain.extend, []

    def busy() -> int:
        tries.append(1)
        return 0 if len(tries) == 1 else extend()

    monkeypatch.setattr(chain, "extend", busy)
    with entered(scope_of(admin)):
        assert erasing.erase(person=alice.pk) == 1
    assert Event.objects.get(kind="chat.asked").api_key_id is None


@pytest.mark.parametrize("reason", [*reasons.CHAIN, *reasons.RELAY])
def test_reasons_are_words_in_both_languages(reason: str) -> None:
    row = Chain(reason=reason) if reason in reasons.CHAIN else Relay(reason=reason)
    with translation.override("en"):
        english = row.reason_in_words
    with translation.override("zh-hans"):
        assert english not in (reason, row.reason_in_words)
