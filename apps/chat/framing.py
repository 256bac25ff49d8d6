"""Makes the server frames of a turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from apps.chat.frames import (
    LAST_FRAMES,
    Delta,
    Done,
    Error,
    ServerFrame,
    Source,
    Sources,
    Started,
    Stopped,
)
from apps.chat.models import Turn
from apps.core.errors import message_of
from apps.rag.ports import DeltaKind

# Numbers: 0 started, 1 sources, 1 + characters said so far for a delta, then one more for the end.
STARTED_N, SOURCES_N = 0, 1


@dataclass(frozen=True, slots=True)
class Closed:
    """An answer as it was recorded."""

    state: Turn.State
    text: str
    cited: list[int]
    unsupported: list[list[int]]
    error_code: str
    took_ms: int | None
    first_token_ms: int | None
    model: str


def started(
    turn_id: UUID,
    *,
    conversation_id: UUID,
    title: str,
    question: str,
    parent_id: UUID | None,
    request: str = "",
) -> Started:
    return {
        "type": "started",
        "turn": str(turn_id),
        "n": STARTED_N,
        "conversation": str(conversation_id),
        "title": title,
        "request": request,
        "question": question,
        "parent": str(parent_id) if parent_id else None,
        "url": f"/c/{conversation_id}",
    }


def sources(turn_id: UUID, shown: Sequence[Source], *, hidden: int, note: str) -> Sources:
    return {
        "type": "sources",
        "turn": str(turn_id),
        "n": SOURCES_N,
        "sources": list(shown),
        "hidden": hidden,
        "note": note,
    }


def delta(turn_id: UUID, text: str, kind: DeltaKind, *, said: int) -> Delta:
    """``said``: characters of the answer and its thinking up to the end of this piece."""
    n = SOURCES_N + said
    return {"type": "delta", "turn": str(turn_id), "n": n, "text": text, "kind": _kind(kind)}


def _kind(kind: DeltaKind) -> Literal["text", "thinking"]:
    return "thinking" if kind is DeltaKind.THINKING else "text"


def ended(turn_id: UUID, closed: Closed, *, said: int) -> Done | Stopped | Error:
    """The last frame of an answer."""
    match closed.state:
        case Turn.State.STOPPED:
            return {
                "type": "stopped",
                "turn": str(turn_id),
                "n": SOURCES_N + said + 1,
                "text": closed.text,
                "cited": closed.cited,
            }
        case Turn.State.FAILED:
            return failed(turn_id, closed.error_code, said=said, text=closed.text)
        case _:
            return {
                "type": "done",
                "turn": str(turn_id),
                "n": SOURCES_N + said + 1,
                "text": closed.text,
                "cited": closed.cited,
                "unsupported": closed.unsupported,
                "refused": closed.state is Turn.State.REFUSED,
                "took_ms": closed.took_ms,
                "first_token_ms": closed.first_token_ms,
                "model": closed.model,
            }


def failed(
    turn_id: UUID | None,
    code: str,
    *,
    said: int = 0,
    text: str = "",
    request: str = "",
    sentence: str = "",
) -> Error:
    """An error, worded in the reader's language, or in the ``sentence`` of what refused it. Without
    a turn it answers a client frame."""
    return {
        "type": "error",
        "turn": str(turn_id) if turn_id else "",
        "n": SOURCES_N + said + 1,
        "code": str(code),
        "message": sentence or message_of(code),
        "text": text,
        "request": request,
    }


def said_by(frame: ServerFrame) -> int:
    """Characters that had been said when this frame was made."""
    return max(frame["n"] - SOURCES_N, 0)


def behind(frame: ServerFrame, after: int) -> ServerFrame | None:
    """What of a frame comes after the number that a reader has seen; 0 has seen nothing. The last
    frame is never left out: it holds all there is to know."""
    if after <= 0 or frame["type"] in LAST_FRAMES:
        return frame
    if frame["n"] <= after:
        return None
    if frame["type"] == "delta":
        new = min(len(frame["text"]), frame["n"] - after)
        return {**frame, "text": frame["text"][-new:]}
    return frame


def merged(frames: Sequence[ServerFrame]) -> list[ServerFrame]:
    """The same frames with neighbouring pieces of one kind joined."""
    joined: list[ServerFrame] = []
    pieces: list[str] = []
    for frame in frames:
        before = joined[-1] if joined else None
        if (
            before
            and before["type"] == frame["type"] == "delta"
            and before["kind"] == frame["kind"]
        ):
            pieces.append(frame["text"])
            joined[-1] = {**frame, "text": ""}
            continue
        _fill(joined, pieces)
        joined.append(frame)
        pieces = [frame["text"]] if frame["type"] == "delta" else []
    _fill(joined, pieces)
    return joined


def _fill(joined: list[ServerFrame], pieces: Sequence[str]) -> None:
    if joined and joined[-1]["type"] == "delta":
        joined[-1] = {**joined[-1], "text": "".join(pieces)}
