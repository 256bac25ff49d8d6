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
    result of a call has to say which it answers. One that sends whole calls without an index gives
    each of them the first: another id at the same index is another call."""

    _by_index: dict[int, _Call] = field(default_factory=dict)
    _others: list[_Call] = field(default_factory=list)

    def add(self, delta: Delta) -> None:
        """One more piece; others than of a call are passed over."""
        if delta.call is None:
            return
        call = self._by_index.setdefault(delta.call.index, _Call())
        if call.id and delta.call.id and call.id != delta.call.id:
            self._others.append(call)
            call = self._by_index[delta.call.index] = _Call()
        call.id = call.id or delta.call.id
        call.name = call.name or delta.call.name
        call.arguments.append(delta.text)

    def whole(self) -> tuple[ToolCall, ...]:
        """The calls so far by their index; those without a name are none."""
        calls = [*self._others, *(call for _index, call in sorted(self._by_index.items()))]
        return tuple(
            ToolCall(call.id or f"call_{uuid4().hex[:24]}", call.name, "".join(call.arguments))
            for call in calls
            if call.name
        )
