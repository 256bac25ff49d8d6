"""Lists, counts, suggestions and exports of what a visitor may open, before and after one more
hidden document is planted: not a figure in them may change.

What changes by itself, such as a time or a token of a form, is asked for again until it is known.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from apps.isolation import walk, world
from apps.isolation.caller import Caller, Seen
from apps.isolation.words import secrets
from apps.isolation.world import Planted, World

# What differs is looked at so often: people work, and figures of their own doing change.
_AGAIN = 3
_TOKENS = re.compile(r"\w+")
_VARYING = re.compile(r'(csrfmiddlewaretoken" value=|nonce=|X-CSRFToken"?: ?)"?[^"\s]+"')


@dataclass(frozen=True, slots=True)
class Told:
    """One list as it was before, and whether it became another."""

    pattern: str
    seen: Seen
    is_changed: bool


def told(caller: Caller, place: World, hidden: Sequence[Planted]) -> Iterator[Told]:
    """Every list of this visitor, with one more document in each of ``hidden``."""
    mine = place.read_by(caller.visitor)
    before = _asked(caller, walk.own(mine.target if mine else None))
    with _one_more(hidden):
        after = {pattern: caller.get(path) for pattern, (path, _seen) in before.items()}
    for pattern, (path, seen) in before.items():
        is_other = _figures(seen) != _figures(after[pattern])
        changed = is_other and _is_changed_by_it(partial(caller.get, path), hidden)
        yield Told(pattern, seen, changed)


def _asked(caller: Caller, own: Iterator[tuple[str, str]]) -> Mapping[str, tuple[str, Seen]]:
    """Those of the addresses that show this visitor something."""
    found: dict[str, tuple[str, Seen]] = {}
    for pattern, path in own:
        if caller.visitor.is_program and not walk.is_for_machines(pattern):
            continue
        seen = caller.get(path)
        if seen.status == 200:
            found[pattern] = path, seen
    return found


def _is_changed_by_it(ask: Callable[[], Seen], hidden: Sequence[Planted]) -> bool:
    """Whether it differs each time, beyond what differs while nothing is planted."""
    for _ in range(_AGAIN):
        first, second = _figures(ask()), _figures(ask())
        with _one_more(hidden):
            third = _figures(ask())
        if _goes_on(first, second, third):
            return False
    return True


def _goes_on(first: Sequence[str], second: Sequence[str], third: Sequence[str]) -> bool:
    """Whether the third answer follows from the two before it. A list that tells of its own reading,
    as the audit does of its exports, grows by as much each time."""
    if len(first) != len(second):
        return len(third) - len(second) == len(second) - len(first)
    steady = [at for at, word in enumerate(first) if second[at] == word]
    return len(third) == len(first) and all(third[at] == first[at] for at in steady)


def _figures(seen: Seen) -> list[str]:
    """Words and numbers of an answer in their order."""
    return [str(seen.status), *_TOKENS.findall(_VARYING.sub("", seen.content))]


@contextmanager
def _one_more(hidden: Sequence[Planted]) -> Iterator[None]:
    places = [each.collection for each in hidden]
    planted = world.plant_more(places, secrets(len(places)))
    try:
        yield
    finally:
        world.remove_more(planted)
