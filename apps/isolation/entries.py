"""The ways in. An app that opens another one adds it to ``ENTRIES``.

An entry gets a client with a session or a key, as the visitor has it, and what to ask for; it
returns what came back. It decides nothing: what is a leak is seen by ``prove``, and an entry that
shows nothing to those who may read is found by ``sight``.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from apps.isolation import wire
from apps.isolation.caller import Caller, Seen
from apps.isolation.world import Target

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to ask for: words, the thing that they are about, and (None: there is none) something
    that the visitor may open, as a place to ask from."""

    words: str
    target: Target
    mine: Target | None = None

    @property
    def place(self) -> Target:
        """Where the visitor may ask; who may ask nowhere asks at the thing itself."""
        return self.mine or self.target


Ask = Callable[[Caller, Wanted], Seen]


@dataclass(frozen=True, slots=True)
class Entry:
    """A way to ask.

    ``is_for_keys``, ``is_for_sessions``: who can use it. ``names``: it sends the ids of what it
    wants; ``at``: which of the place it asks from. ``by_title``: it finds documents by their names, so that is what it is asked. ``every``: of so many questions one is asked. ``is_compared``: whether its answers have
    the form of those about nothing; not where a model words them. ``shows``: who has to find what
    they may read through it, where it is neither a session nor any key.
    """

    name: str
    ask: Ask
    is_for_keys: bool = True
    is_for_sessions: bool = True
    names: bool = False
    at: Literal["", "slug", "collection"] = ""
    by_title: bool = False
    every: int = 1
    is_compared: bool = True
    shows: str = ""

    def is_for(self, *, program: bool) -> bool:
        return self.is_for_keys if program else self.is_for_sessions

    def sent(self, wanted: Wanted) -> str:
        """Everything that an echo of the question may say."""
        named = wanted.target.spellings if self.names else ()
        match self.at:
            case "slug":
                named += (wanted.place.slug,)
            case "collection":
                named += (str(wanted.place.collection), wanted.place.collection.hex)
            case _:
                pass
        return " ".join((wanted.words, *named))


def parsed(seen: Seen) -> Any:
    """The JSON of an answer; an empty object for anything else."""
    try:
        return json.loads(seen.content)
    except ValueError:
        return {}


# --- search ---------------------------------------------------------------------------------------
def _search(mode: str) -> Ask:
    def ask(caller: Caller, wanted: Wanted) -> Seen:
        seen = caller.post("/api/v1/search", {"query": wanted.words, "mode": mode, "limit": 20})
        return replace(seen, counts=_counts_of_search(seen))

    return ask


def _counts_of_search(seen: Seen) -> dict[str, int]:
    """How many were found, and how many a fence had to drop: an index that was asked for more
    than the visitor's collections would show here."""
    body = parsed(seen)
    try:
        fence = body["trace"]["fence"]
    except (KeyError, TypeError):
        return {}
    return {"hits": len(body["hits"]), "dropped": int(fence["dropped"])}


def _search_page(caller: Caller, wanted: Wanted) -> Seen:
    return caller.get(f"/w/{wanted.place.slug}/search", q=wanted.words)


def _find(caller: Caller, wanted: Wanted) -> Seen:
    return caller.get("/find", q=wanted.words)


# --- lists and exports ----------------------------------------------------------------------------
def _documents(caller: Caller, wanted: Wanted) -> Seen:
    """Filtered by a name: a list of what the visitor may open must not find another's."""
    path = f"/api/v1/collections/{wanted.place.collection}/documents"
    return caller.get(path, name=wanted.words[:_LONGEST_NAME])


def _audit(caller: Caller, wanted: Wanted) -> Seen:
    return caller.get("/api/v1/events", object_id=str(wanted.target.document))


def _audit_file(caller: Caller, wanted: Wanted) -> Seen:
    seen = caller.get("/api/v1/events.csv", object_id=str(wanted.target.document))
    return replace(seen, counts={"lines": seen.content.count("\n")})


# --- answers --------------------------------------------------------------------------------------
def _chat(caller: Caller, wanted: Wanted) -> Seen:
    return caller.post("/api/v1/chat", {"message": wanted.words})


def _short_chat(caller: Caller, wanted: Wanted) -> Seen:
    return caller.post("/api/chat", {"workspace": wanted.place.slug, "question": wanted.words})


def _chat_socket(caller: Caller, wanted: Wanted) -> Seen:
    """Every frame of one question; a socket that is closed at once says so in ``status``."""
    said = {"type": "ask", "text": wanted.words}
    frames, status = wire.talk("/ws/chat", caller.wire_headers(), said)
    return Seen(status, "\n\n" + json.dumps(frames, ensure_ascii=False))


ENTRIES: list[Entry] = [
    Entry("search, by meaning and words", _search("hybrid")),
    Entry("search, by meaning", _search("dense"), every=2),
    Entry("search, by words", _search("keyword")),
    Entry("search page", _search_page, is_for_keys=False, at="slug", every=4),
    Entry("find", _find, is_for_keys=False, by_title=True, every=6),
    Entry("list of documents", _documents, at="collection", by_title=True, every=6),
    Entry("audit", _audit, names=True, every=12, shows="audit"),
    Entry("audit as CSV", _audit_file, names=True, every=12, shows="audit"),
    Entry("chat", _chat, every=16, is_compared=False),
    Entry(
        "chat, short form",
        _short_chat,
        is_for_sessions=False,
        at="slug",
        every=16,
        is_compared=False,
    ),
    Entry("chat socket", _chat_socket, every=16, is_compared=False),
]
