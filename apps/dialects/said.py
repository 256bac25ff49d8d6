"""An answer in OpenAI's words: a whole completion, and the chunks of a streamed one."""

import json
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from apps.chat.models import Turn
from apps.chat.running import Collected
from apps.dialects.citing import annotations, sources_out

_CHUNK = "chat.completion.chunk"
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Voice:
    """What every piece of one answer repeats."""

    turn_id: UUID
    model: str
    is_kept: bool
    created: int = field(default_factory=lambda: int(time.time()))

    def keeps(self, said: Collected) -> bool:
        """Whether the conversation stays. One that only wants tools called has no answer to keep."""
        return self.is_kept and not said.calls

    @property
    def id(self) -> str:
        return f"chatcmpl-{self.turn_id.hex}"

    def envelope(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def completion(voice: Voice, said: Collected) -> dict[str, Any]:
    """A whole answer."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": said.text,
        "refusal": said.text if said.is_refused else None,
        "annotations": annotations(said.text, said.sources, said.cited),
    }
    if said.calls:
        message |= {"content": said.text or None, "tool_calls": [*map(_call, said.calls)]}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": finish_reason(said),
    }
    return {
        **voice.envelope("chat.completion"),
        "choices": [choice],
        "usage": usage(said.prompt_tokens, said.completion_tokens),
        "footnote": extension(voice, said),
    }


def extension(voice: Voice, said: Collected) -> dict[str, Any]:
    """What OpenAI's shape has no place for."""
    return {
        "conversation": str(said.conversation_id) if voice.keeps(said) else None,
        "turn": str(said.turn_id) if voice.keeps(said) else None,
        "refused": said.is_refused,
        "unsupported": said.unsupported,
        "sources": sources_out(said.sources, said.cited),
    }


def finish_reason(said: Collected) -> str:
    if said.finish in {"length", "loop"}:
        return "length"
    return "tool_calls" if said.calls else "stop"


def _call(call: dict[str, str]) -> dict[str, Any]:
    function = {"name": call["name"], "arguments": call["arguments"]}
    return {"id": call["id"], "type": "function", "function": function}


def usage(read: int, written: int) -> dict[str, int]:
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }


# --- streamed -----------------------------------------------------------------------------------


def event(data: dict[str, Any]) -> bytes:
    """One server-sent event. JSON escapes line feeds, so that it is one line."""
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


@dataclass(slots=True)
class Chunks:
    """Makes the chunks of one answer. With ``counts`` each has ``usage``: null until the last."""

    voice: Voice
    counts: bool
    said: Collected
    text: str = ""

    def first(self) -> bytes:
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def delta(self, text: str, kind: str) -> bytes:
        if kind == "thinking":
            return self._chunk({"reasoning_content": text})
        self.text += text
        return self._chunk({"content": text})

    def last(self) -> list[bytes]:
        """The tools to be called, each whole in a piece of its own; the citations; the end."""
        said = self.said
        marks = annotations(self.text, said.sources, said.cited)
        closing: dict[str, Any] = {"annotations": marks} if marks else {}
        if said.is_refused:
            closing["refusal"] = said.text
        called = ({"index": place, **_call(call)} for place, call in enumerate(said.calls))
        found = [self._chunk({"tool_calls": [call]}) for call in called]
        found += [self._chunk(closing)] if closing else []
        found.append(
            self._chunk(
                {},
                finish=finish_reason(said),
                more={"footnote": {**extension(self.voice, said), "text": said.text}},
            )
        )
        return found

    def tokens(self) -> bytes:
        counted = usage(self.said.prompt_tokens, self.said.completion_tokens)
        return event({**self.voice.envelope(_CHUNK), "choices": [], "usage": counted})

    def _chunk(
        self,
        delta: dict[str, Any],
        *,
        finish: str | None = None,
        more: dict[str, Any] | None = None,
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        counted = {"usage": None} if self.counts else {}
        return event(
            {**self.voice.envelope(_CHUNK), "choices": [choice], **counted, **(more or {})}
        )


def failed(said: Collected) -> bool:
    return said.state == Turn.State.FAILED
