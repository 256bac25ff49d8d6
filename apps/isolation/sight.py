"""Whether an entry shows anything at all. One that finds nothing for those who may read proves
nothing by finding nothing for others: a header that is not sent looks like a right that is kept."""

from collections.abc import Iterator, Sequence

from apps.isolation import lists, looks
from apps.isolation.caller import Caller
from apps.isolation.entries import Entry, Wanted
from apps.isolation.visitors import Visitor
from apps.isolation.world import Planted, World

LISTS = "lists, counts and exports"


def blind(place: World, entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """(entry, as whom) of those that do not show what they should."""
    found = [
        (entry.name, visitor.name)
        for entry in entries
        for visitor in _entitled(place, entry)
        if not _is_shown(place, visitor, entry)
    ]
    return (
        found if _lists_are_shown(place) else [*found, (LISTS, place.cast.entitled["session"].name)]
    )


def _entitled(place: World, entry: Entry) -> Iterator[Visitor]:
    """Whoever an entry is for: with a session, a key, or as an application on behalf of someone."""
    for how, visitor in place.cast.entitled.items():
        if entry.shows:
            is_asked = how == entry.shows
        else:
            is_asked = how != "audit" and entry.is_for(program=visitor.is_program)
        if is_asked:
            yield visitor


def _is_shown(place: World, visitor: Visitor, entry: Entry) -> bool:
    mine = place.read_by(visitor)
    assert mine is not None  # noqa: S101 - they were granted something
    caller = Caller(visitor)
    try:
        return any(_shows(caller, entry, mine, words) for words in _asked_for(mine))
    finally:
        caller.forget()
        caller.close()


def _asked_for(mine: Planted) -> Sequence[str]:
    """Several forms: names are found by one entry, words by another, and a model that answers one
    question may refuse the next."""
    secret = mine.secret
    return secret.sentence, secret.document_name, secret.code, f"What is {secret.name}?"


def _shows(caller: Caller, entry: Entry, mine: Planted, words: str) -> bool:
    wanted = Wanted(words, mine.target, mine.target)
    seen = entry.ask(caller, wanted)
    around = _around(mine)
    return bool(looks.words_in(seen, [mine], known=around, asked=entry.sent(wanted)))


def _around(mine: Planted) -> Sequence[str]:
    """Names and ids of the places that the document is in: they stand beside every page, also one
    that finds nothing."""
    room, place = mine.workspace, mine.collection
    return place.name, str(place.pk), place.pk.hex, room.name, room.slug, str(room.pk)


def _lists_are_shown(place: World) -> bool:
    """One more document where it may be read has to show in some list."""
    visitor = place.cast.entitled["session"]
    mine = place.read_by(visitor)
    assert mine is not None  # noqa: S101 - they were granted something
    caller = Caller(visitor)
    try:
        return any(each.is_changed for each in lists.told(caller, place, [mine]))
    finally:
        caller.close()
