"""Search small, give the model more: a passage with its neighbours under the same titles.

Each neighbour is given once, with the best passage that it stands beside; a passage that was found
itself keeps its own number. So no text is given twice, and a citation still means the passage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from apps.rag.ports import Passage
from apps.rag.tokens import estimate_tokens

# Neighbours to each side that are looked at.
REACH = 16
# Overlaps are looked for up to this many characters.
_LONGEST_OVERLAP = 2_000


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A passage that stands near one that was found."""

    chunk_id: str
    ordinal: int
    headings: tuple[str, ...]
    text: str


def with_parents(
    passages: Sequence[Passage],
    neighbours: Mapping[str, Sequence[Neighbour]],
    sizes: Mapping[str, int],
) -> tuple[Passage, ...]:
    """The passages, best first, with ``around`` filled where there is more to give.

    ``neighbours`` are the passages near each (by its id) and itself; ``sizes`` the tokens that a
    collection (by its id) wants to give.
    """
    taken = {passage.chunk_id for passage in passages}
    wide: list[Passage] = []
    for passage in passages:
        size = sizes.get(passage.collection_id, 0)
        near = sorted(neighbours.get(passage.chunk_id, ()), key=lambda each: each.ordinal)
        parts = _parts(passage, near, size, taken) if size else []
        if len(parts) > 1:
            taken |= {part.chunk_id for part in parts}
            passage = replace(passage, around=_joined(parts))  # noqa: PLW2901 - the same, wider
        wide.append(passage)
    return tuple(wide)


def _parts(
    passage: Passage, near: Sequence[Neighbour], size: int, taken: set[str]
) -> list[Neighbour]:
    """The passage and what stands beside it, by turns after and before, as far as ``size`` goes.
    Ends at other titles and at what is given elsewhere."""
    at = next((i for i, each in enumerate(near) if each.chunk_id == passage.chunk_id), None)
    if at is None:
        return []
    first, last = at, at
    left = size - estimate_tokens(passage.text)
    steps = {1: True, -1: True}
    while any(steps.values()):
        for step, is_open in list(steps.items()):
            if not is_open:
                continue
            to = last + 1 if step == 1 else first - 1
            fits = 0 <= to < len(near) and _belongs(near[to], passage, taken)
            cost = estimate_tokens(near[to].text) if fits else 0
            if not fits or cost > left:
                steps[step] = False
                continue
            left -= cost
            first, last = min(first, to), max(last, to)
    return list(near[first : last + 1])


def _belongs(each: Neighbour, passage: Passage, taken: set[str]) -> bool:
    return each.headings == passage.headings and each.chunk_id not in taken


def _joined(parts: Sequence[Neighbour]) -> str:
    """Their texts below each other; what a text repeats of the one before it is left out."""
    text = parts[0].text
    for part in parts[1:]:
        text += "\n" + part.text[_overlap(text, part.text) :].lstrip()
    return text


def _overlap(before: str, after: str) -> int:
    for length in range(min(len(before), len(after), _LONGEST_OVERLAP), 15, -1):
        if before.endswith(after[:length]):
            return length
    return 0
