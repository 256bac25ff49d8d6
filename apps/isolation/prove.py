"""Plant, ask as people without rights, look, remove, write down."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.core.errors import AppError, ErrorCode
from apps.isolation import dialects, lists, looks, sight, walk, world
from apps.isolation.caller import Caller, Seen
from apps.isolation.entries import ENTRIES, Entry, Wanted
from apps.isolation.models import Proof
from apps.isolation.stored import stored_answer
from apps.isolation.visitors import STORED_FOR, Visitor
from apps.isolation.words import Secret, question, twin
from apps.isolation.world import Planted, World, nowhere
from apps.permissions.scope import system_scope
from apps.rag.ports import EngineError

log = logging.getLogger(__name__)

# Questions for each secret and visitor; with all entries and addresses more than 2,000 together.
QUESTIONS = 16
# What differs is asked for again with other words that were never planted: what a model ranks may
# differ by the words alone, what is hidden would differ from all of them.
_AGAIN = 3
_ADDRESSES = "addresses of a hidden thing"
_STORED = "stored answer after the right has ended"
# Two proofs at once would take away what the other has planted.
_AT_WORK, _LONGEST_S = "isolation:at-work", 2 * 3600
_BLIND = gettext_noop("not found by who may: the proof is blind")
_OTHER = "another answer than for what is not there"
# Of so many questions a program asks one.
_LESS = 6

ALL: list[Entry] = [*ENTRIES, *dialects.ENTRIES]


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


def prove(*, number: int = QUESTIONS, entries: Sequence[Entry] | None = None) -> Proof:
    """One proof, written down whatever comes of it. Safe while people work; run it outside of any
    transaction, since what it plants has to be seen by other threads. Raises AppError CONFLICT
    while another one is at work."""
    if not cache.add(_AT_WORK, 1, _LONGEST_S):
        raise AppError(ErrorCode.CONFLICT, status=409)
    try:
        return _proven(number, entries or ALL)
    finally:
        cache.delete(_AT_WORK)


def _proven(number: int, entries: Sequence[Entry]) -> Proof:
    started = time.monotonic()
    tally, error, blind = Tally(), "", []
    try:
        world.remove()
        planted = world.build()
        for visitor in planted.visitors:
            _visit(planted, visitor, tally, number, entries)
        blind = sight.blind(planted, entries)
        error = _BLIND if blind else ""
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
            blind=[list(each) for each in blind],
            took_ms=round(1000 * (time.monotonic() - started)),
            error=error,
        )
    log.log(logging.INFO if proof.is_clean else logging.ERROR, "proof of isolation: %s", proof)
    return proof


@dataclass(frozen=True, slots=True)
class _Visit:
    """One visitor's turn: as who, what is hidden from them, and what they know rightly."""

    place: World
    caller: Caller
    hidden: Sequence[Planted]
    known: Sequence[str]
    tally: Tally

    @property
    def visitor(self) -> Visitor:
        return self.caller.visitor


def _visit(
    place: World, visitor: Visitor, tally: Tally, number: int, entries: Sequence[Entry]
) -> None:
    caller = Caller(visitor)
    visit = _Visit(place, caller, place.hidden_from(visitor), place.known_to(visitor), tally)
    try:
        for at, planted in enumerate(visit.hidden):
            _question(visit, planted, number, entries)
            _walk(visit, planted, at)
        if visitor.has_own_lists:
            _read_lists(visit)
        if visitor.name == STORED_FOR:
            _read_stored(visit)
    finally:
        caller.close()


def _question(visit: _Visit, planted: Planted, number: int, entries: Sequence[Entry]) -> None:
    nothing = twin(planted.secret)
    for entry, n, wanted, seen in _asked(visit, planted, number, entries):
        sent = entry.sent(wanted)
        kinds = looks.words_in(seen, visit.hidden, known=visit.known, asked=sent)
        if seen.counts.get("dropped"):
            # Visitors reach fresh documents only: nothing of theirs is stale.
            kinds.append("more was found than may be read, and dropped before it was shown")
        other = replace(wanted, words=_words(entry, nothing, n), target=nowhere())
        if entry.is_compared and _tells_apart(seen, partial(entry.ask, visit.caller, other)):
            kinds.append(_OTHER)
        visit.tally.note(entry.name, visit.visitor, kinds)


def _asked(
    visit: _Visit, planted: Planted, number: int, entries: Sequence[Entry]
) -> Iterator[tuple[Entry, int, Wanted, Seen]]:
    """Every question through every entry that this visitor can use. Programs share their rights
    with the people they are of, and ask less."""
    is_program = visit.visitor.is_program
    mine = visit.place.read_by(visit.visitor)
    number = max(1, number // _LESS) if is_program else number
    for entry in entries:
        if not entry.is_for(program=is_program):
            continue
        for n in range(0, number, entry.every):
            words = _words(entry, planted.secret, n)
            wanted = Wanted(words, planted.target, mine.target if mine else None)
            seen = entry.ask(visit.caller, wanted)
            if not entry.is_compared:  # an answer, which begins a conversation
                visit.caller.forget()
            yield entry, n, wanted, seen


def _words(entry: Entry, secret: Secret, n: int) -> str:
    return secret.document_name if entry.by_title else question(secret, n)


def _tells_apart(seen: Seen, ask_for_nothing: Callable[[], Seen]) -> bool:
    """Whether what was never planted is never answered like this."""
    form = looks.form_of(seen)
    return all(form != looks.form_of(ask_for_nothing()) for _ in range(_AGAIN))


def _walk(visit: _Visit, planted: Planted, which: int) -> None:
    """Addresses that name the hidden thing, against addresses that name nothing. Each is asked
    about one of the hidden things, and the next night about the next."""
    many = len(visit.hidden)
    turn = (which + timezone.localdate().toordinal()) % many
    uses = planted.workspace.pk in visit.visitor.uses
    named = [*planted.target.spellings, *planted.ids, str(planted.workspace.pk)]
    for at, address in enumerate(walk.addresses(planted, knows_workspace=uses)):
        if at % many != turn or (visit.visitor.is_program and not address.is_for_machines):
            continue
        there = visit.caller.get(address.there)
        nothing = visit.caller.get(address.nowhere)
        kinds = looks.words_in(there, [planted], known=[*visit.known, address.there, *named])
        if looks.form_of(there) != looks.form_of(nothing):
            kinds.append(_OTHER)
        visit.tally.note(_ADDRESSES, visit.visitor, kinds, address.pattern)


def _read_lists(visit: _Visit) -> None:
    for each in lists.told(visit.caller, visit.place, visit.hidden):
        kinds = looks.words_in(each.seen, visit.hidden, known=visit.known)
        if each.is_changed:
            kinds.append("one more hidden document changes it")
        visit.tally.note(sight.LISTS, visit.visitor, kinds, each.pattern)


def _read_stored(visit: _Visit) -> None:
    for path, _seen, words in stored_answer(visit.caller, visit.place):
        kinds = ["words of a hidden document"] if words else []
        visit.tally.note(_STORED, visit.visitor, kinds, path)
