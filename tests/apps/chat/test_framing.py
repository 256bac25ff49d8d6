"""Frames: joined where they are kept, cut where a reader goes on."""

from uuid import UUID

import pytest

from apps.chat import framing
from apps.rag.ports import DeltaKind

TURN = UUID(int=7)


def streamed(*pieces: tuple[str, DeltaKind]) -> list:
    frames, said = [framing.sources(TURN, [], hidden=0, note="")], 0
    for text, kind in pieces:
        said += len(text)
        frames.append(framing.delta(TURN, text, kind, said=said))
    return [*frames, framing.failed(TURN, "INTERNAL", said=said)]


FRAMES = streamed(
    ("let me ", DeltaKind.THINKING),
    ("think", DeltaKind.THINKING),
    ("Nine", DeltaKind.TEXT),
    ("ty ", DeltaKind.TEXT),
    ("days", DeltaKind.TEXT),
)


def test_neighbours_of_one_kind_are_joined_and_keep_the_last_number() -> None:
    merged = framing.merged(FRAMES)
    assert [(f["type"], f["n"], f.get("text")) for f in merged] == [
        ("sources", 1, None),
        ("delta", 13, "let me think"),
        ("delta", 24, "Ninety days"),
        ("error", 25, ""),
    ]
    assert framing.merged([]) == []


@pytest.mark.parametrize("after", range(26))
def test_a_reader_gets_exactly_what_is_behind_the_number_they_saw(after: int) -> None:
    whole = "let me thinkNinety days"
    for frames in (FRAMES, framing.merged(FRAMES)):
        rest = [framing.behind(frame, after) for frame in frames]
        text = "".join(f["text"] for f in rest if f and f["type"] == "delta")
        assert text == whole[max(after - 1, 0) :]
        assert rest[-1] == FRAMES[-1], "the last frame is never left out"
        assert (rest[0] is None) == (after >= 1)


def test_merging_changes_no_frame_that_somebody_holds() -> None:
    before = [dict(frame) for frame in FRAMES]
    framing.merged(FRAMES)
    assert before == FRAMES
