"""Messages and tools as servers of OpenAI's dialect take them."""

import json
from collections.abc import Sequence
from typing import Any

from apps.rag.ports import Speaker, ToolCall, Tuning, Turn


def messages(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """The turns of a prompt, in their order."""
    return [_message(turn) for turn in turns]


def tools_of(tuning: Tuning) -> dict[str, Any]:
    """The fields of a request that offer the asking program's functions; none without any."""
    tools = tuning.tools
    if tools is None:
        return {}
    fields: dict[str, Any] = {"tools": json.loads(tools.offered)}
    if tools.choice:
        fields["tool_choice"] = json.loads(tools.choice)
    if tools.in_parallel is not None:
        fields["parallel_tool_calls"] = tools.in_parallel
    return fields


def _message(turn: Turn) -> dict[str, Any]:
    plain = {"role": turn.speaker.value, "content": turn.text}
    if turn.speaker is Speaker.TOOL:
        return {**plain, "tool_call_id": turn.answers}
    if turn.calls:
        calls = [_call(call) for call in turn.calls]
        return {**plain, "content": turn.text or None, "tool_calls": calls}
    return plain


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}
