"""What gives something away: a word, a name or an id of what is hidden, or an answer whose form is
another than that of nothing."""

import json
import re
from collections.abc import Iterable
from typing import Any

from apps.isolation.caller import Seen
from apps.isolation.world import Planted

_TAG = re.compile(r"<(/?[a-z][a-z0-9-]*)")
_EVENT = re.compile(r"^data: ?(.*)$", re.MULTILINE)
# Other from one answer to the next, whatever they are about.
_VARYING = ("ratelimit", "set-cookie")


def words_in(
    seen: Seen, planted: Iterable[Planted], *, known: Iterable[str], asked: str = ""
) -> list[str]:
    """Kinds of what is read in an answer and must not be. ``known``: names and ids that the
    visitor has rightly; ``asked``: their own question or address, of which an echo tells them
    nothing, so that its words do not count and all others do."""
    body = seen.body
    for mine in known:
        body = body.replace(mine, "")

    def tells(words: Iterable[str]) -> bool:
        return any(word in body and word not in asked for word in words)

    found = set()
    for each in planted:
        place, room = each.collection, each.workspace
        if tells(each.secret.words):
            found.add("words of a hidden document")
        if tells([place.name]):
            found.add("name of a hidden collection")
        if tells([*each.ids, str(place.pk), place.pk.hex]):
            found.add("id of a hidden thing")
        if tells([room.slug, str(room.pk)]):
            found.add("name of a hidden workspace")
    return sorted(found)


def form_of(seen: Seen) -> tuple[Any, ...]:
    """An answer without its words: status, counts, and the keys or tags of its body in order."""
    head, _gap, body = seen.body.partition("\n\n")
    names = tuple(sorted(line.partition(":")[0].lower() for line in head.splitlines()))
    kept = tuple(name for name in names if not name.startswith(_VARYING))
    return seen.status, tuple(sorted(seen.counts.items())), kept, _form_of_body(body)


def _form_of_body(body: str) -> Any:
    events = events_in(body)
    # As bytes two streams about nothing differ too: by ids, and by where a sentence is cut.
    return _keys(events) if events else tuple(_TAG.findall(body))


def events_in(body: str) -> list[Any]:
    """The JSON values of an answer, one or a stream of events; none where it is something else."""
    for texts in ([body], _EVENT.findall(body)):
        try:
            return [json.loads(text) for text in texts if text != "[DONE]"]
        except ValueError:
            continue
    return []


def _keys(value: Any) -> Any:
    match value:
        case dict():
            return tuple((key, _keys(each)) for key, each in sorted(value.items()))
        case list():
            return [_keys(each) for each in value]
        case _:
            return type(value).__name__
