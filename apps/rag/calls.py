"""Calls of tools, put together from the pieces in which a model streams them."""

from dataclasses import dataclass, field
from uuid import uuid4

from apps.rag.ports import Delta, ToolCall


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Calls:
    """Takes CALL deltas in the order in which they come. A server that names no id gets one: the
    result of a call has to say which it answers."""

    _by_index: dict[int, _Call] = field(default_factory=dict)

    def add(self, delta: Delta) -> None:
        """One more piece; others than of a call are passed over."""
        if delta.call is None:
            return
        call = self._by_index.setdefault(delta.call.index, _Call())
        call.id = call.id or delta.call.id
        call.name = call.name or delta.call.name
        call.arguments.append(delta.text)

    def whole(self) -> tuple[ToolCall, ...]:
        """The calls so far by their index; those without a name are none."""
        return tuple(
            ToolCall(call.id or f"call_{uuid4().hex[:24]}", call.name, "".join(call.arguments))
            for _index, call in sorted(self._by_index.items())
            if call.name
        )
