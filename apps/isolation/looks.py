"""What gives something away: a word, a name or an id of what is hidden, or an answer whose form is
another than that of nothing."""

import json
import re
from collections.abc import Iterable
from typing import Any

from apps.isolation.entries import Seen
from apps.isolation.world import Planted

_TAG = re.compile(r"<(/?[a-z][a-z0-9-]*)")


def words_in(
    seen: Seen, planted: Iterable[Planted], *, known: Iterable[str], asked: str = ""
) -> list[str]:
    """Kinds of what is read in an answer and must not be. ``known``: names and ids that the
    visitor has rightly; ``asked``: their own question or address, of which an echo tells them
    nothing, so that its words do not count and all others do."""
    body = seen.body
    for mine in known:
        body = body.replace(mine, "")
    found = set()
    for each in planted:
        if any(word in body and word not in asked for word in each.secret.words):
            found.add("words of a hidden document")
        if each.collection.name in body:
            found.add("name of a hidden collection")
        if any(pk in body for pk in (*each.ids, str(each.collection.pk))):
            found.add("id of a hidden thing")
    return sorted(found)


def form_of(seen: Seen) -> tuple[Any, ...]:
    """An answer without its words: status, counts, and the keys or tags of its body in order."""
    head, _gap, body = seen.body.partition("\n\n")
    names = tuple(sorted(line.partition(":")[0].lower() for line in head.splitlines()))
    kept = tuple(name for name in names if not name.startswith(("ratelimit", "set-cookie")))
    return seen.status, tuple(sorted(seen.counts.items())), kept, _form_of_body(body)


def _form_of_body(body: str) -> Any:
    try:
        return _keys(json.loads(body))
    except ValueError:
        return tuple(_TAG.findall(body))


def _keys(value: Any) -> Any:
    match value:
        case dict():
            return tuple((key, _keys(each)) for key, each in sorted(value.items()))
        case list():
            return [_keys(each) for each in value]
        case _:
            return type(value).__name__
