"""Plant, ask as people without rights, look, remove, write down."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.core.cache import cache

from apps.core.errors import AppError, ErrorCode
from apps.isolation import looks, walk, world
from apps.isolation.entries import ENTRIES, Caller, Entry, Seen
from apps.isolation.models import Proof
from apps.isolation.socket import chat_socket
from apps.isolation.stored import stored_answer
from apps.isolation.words import Secret, questions, twin
from apps.isolation.world import Planted, Visitor, World
from apps.permissions.scope import system_scope
from apps.rag.ports import EngineError

log = logging.getLogger(__name__)

# Questions for each secret and visitor; with all entries and addresses more than 2,000 together.
QUESTIONS = 24
# What differs is asked for again with other words that were never planted: what a model ranks may
# differ by the words alone, what is hidden would differ from all of them.
_AGAIN = 3
_ADDRESSES = "addresses of a hidden thing"
_STORED = "stored answer after the right has ended"
# Two proofs at once would take away what the other has planted.
_AT_WORK, _LONGEST_S = "isolation:at-work", 2 * 3600
_BLIND = "not found by who may: the proof is blind"

ALL: list[Entry] = [*ENTRIES, Entry("chat socket", chat_socket, is_for_keys=False, every=16)]


@dataclass
class Tally:
    """Numbers of one proof as it goes."""

    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    leaks: list[dict[str, str]] = field(default_factory=list)

    def note(self, entry: str, visitor: Visitor, kinds: list[str], where: str = "") -> None:
        self.asked[entry, visitor.name] += 1
        for kind in kinds:
            found = {"entry": entry, "visitor": visitor.name, "kind": kind, "where": where}
            if found not in self.leaks:
                self.leaks.append(found)

    def entries(self) -> list[dict[str, object]]:
        leaks = Counter((leak["entry"], leak["visitor"]) for leak in self.leaks)
        return [
            {"entry": entry, "visitor": who, "questions": number, "leaks": leaks[entry, who]}
            for (entry, who), number in sorted(self.asked.items())
        ]


def _removed() -> str:
    """Take away what was planted; what went wrong, if anything did."""
    try:
        world.remove()
    except EngineError as broken:
        log.warning("proof of isolation: %s", broken)
        return f"{type(broken).__name__}: what was planted is still in the index"
    return ""


def prove(*, number: int = QUESTIONS, entries: list[Entry] | None = None) -> Proof:
    """One proof, written down whatever comes of it. Safe while people work; run it outside of any
    transaction, since what it plants has to be seen by other threads. Raises AppError CONFLICT
    while another one is at work."""
    if not cache.add(_AT_WORK, 1, _LONGEST_S):
        raise AppError(ErrorCode.CONFLICT, status=409)
    try:
        return _proven(number, entries or ALL)
    finally:
        cache.delete(_AT_WORK)


def _proven(number: int, entries: list[Entry]) -> Proof:
    started = time.monotonic()
    tally, error = Tally(), ""
    try:
        world.remove()
        planted = world.build()
        for visitor in planted.visitors:
            _visit(planted, visitor, tally, number, entries)
        if not _is_found_by_who_may(planted, entries):
            error = _BLIND
    except EngineError as broken:
        error = f"{type(broken).__name__}: the models or the index do not answer"
        log.warning("proof of isolation: %s", error)
    except Exception as broken:  # a proof that broke is written down as one that proved nothing
        error = f"{type(broken).__name__}: the proof broke off"
        log.exception("proof of isolation")
    finally:
        error = _removed() or error
    with system_scope("proof: what it found is written down"):
        proof = Proof.objects.create(
            questions=tally.asked.total(),
            entries=tally.entries(),
            leaks=tally.leaks,
            took_ms=round(1000 * (time.monotonic() - started)),
            error=error,
        )
    log.log(logging.INFO if proof.is_clean else logging.ERROR, "proof of isolation: %s", proof)
    return proof


def _visit(place: World, visitor: Visitor, tally: Tally, number: int, entries: list[Entry]) -> None:
    caller = Caller(visitor)
    try:
        hidden = place.hidden_from(visitor)
        known = _known(place, visitor, hidden)
        for planted in hidden:
            for entry, seen, question, nothing in _asked(caller, planted, entries, number):
                kinds = looks.words_in(seen, hidden, known=known, asked=question)
                if seen.counts.get("dropped"):
                    # Visitors reach fresh documents only: nothing of theirs is stale.
                    kinds.append("more was found than may be read, and dropped before it was shown")
                if entry.every == 1 and _tells_apart(seen, nothing):
                    kinds.append("another answer than for what is not there")
                tally.note(entry.name, visitor, kinds)
            _walk(place, caller, planted, known, tally)
        if visitor.name == world.STORED_FOR:
            for path, _seen, words in stored_answer(caller, place):
                kinds = ["words of a hidden document"] if words else []
                tally.note(_STORED, visitor, kinds, path)
    finally:
        caller.close()


def _known(place: World, visitor: Visitor, hidden: list[Planted]) -> list[str]:
    """Names of listed collections, and of workspaces that they use, with their addresses."""
    known = [each.collection.name for each in hidden if place.knows_name(visitor, each)]
    known += [str(each.collection.pk) for each in hidden if place.knows_name(visitor, each)]
    return known


def _asked(
    caller: Caller, planted: Planted, entries: list[Entry], number: int
) -> Iterator[tuple[Entry, Seen, str, Callable[[], Seen]]]:
    """Every question through every entry that this visitor can use."""
    for entry in entries:
        if caller.visitor.key and not entry.is_for_keys:
            continue
        for n, question in enumerate(questions(planted.secret, number)):
            if n % entry.every == 0:
                seen = entry.ask(caller, question)
                caller.forget()
                yield entry, seen, question, _nothing(entry, caller, planted.secret, n, number)


def _nothing(
    entry: Entry, caller: Caller, secret: Secret, n: int, number: int
) -> Callable[[], Seen]:
    """The same question about something that was never planted."""

    def ask() -> Seen:
        return entry.ask(caller, list(questions(twin(secret), number))[n])

    return ask


def _tells_apart(seen: Seen, nothing: Callable[[], Seen]) -> bool:
    form = looks.form_of(seen)
    return all(form != looks.form_of(nothing()) for _ in range(_AGAIN))


def _walk(place: World, caller: Caller, planted: Planted, known: list[str], tally: Tally) -> None:
    """Addresses that name the hidden thing, against addresses that name nothing."""
    visitor = caller.visitor
    uses = place.uses(visitor, planted.workspace.pk)
    for address in walk.addresses(planted, knows_workspace=uses):
        if visitor.key and not address.is_for_machines:
            continue
        there, nowhere = caller.get(address.there), caller.get(address.nowhere)
        mine = [*known, address.there, str(planted.collection.pk), *planted.ids]
        kinds = looks.words_in(there, [planted], known=mine)
        if looks.form_of(there) != looks.form_of(nowhere):
            kinds.append("another answer than for what is not there")
        tally.note(_ADDRESSES, visitor, kinds, address.pattern)


def _is_found_by_who_may(place: World, entries: list[Entry]) -> bool:
    """Without this a proof would be content with entries that never answer anything."""
    visitor = next(each for each in place.visitors if each.name == world.STORED_FOR)
    hidden: set[UUID] = {each.document_id for each in place.hidden_from(visitor)}
    mine = next(each for each in place.planted if each.document_id not in hidden)
    caller = Caller(visitor)
    try:
        seen = entries[0].ask(caller, mine.secret.code)
    finally:
        caller.close()
    return mine.secret.neighbours[0] in seen.body or mine.secret.document_name in seen.body
