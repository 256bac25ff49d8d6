"""Tools of the asking program: which are offered, and what became of those that were called.

They are passed on to the model as they are. Nothing here runs one: what a model wants called is the
asking program's to call or not, with the rights that it has itself.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from apps.dialects.view import refused
from apps.rag.ports import ToolCall, Tools

MOST_TOOLS = 128
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Id = Annotated[str, Field(min_length=1, max_length=200)]


class _Function(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: _Name
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(BaseModel):
    """A function that may be called. Other kinds of tools are not passed on."""

    type: Literal["function"]
    function: _Function


class _Chosen(BaseModel):
    name: _Name


class _ChosenFunction(BaseModel):
    type: Literal["function"]
    function: _Chosen


Choice = Literal["none", "auto", "required"] | _ChosenFunction


class _Called(BaseModel):
    name: _Name
    arguments: str = ""


class Call(BaseModel):
    """A call that the model made earlier, as the program sends it back."""

    id: _Id
    type: Literal["function"] = "function"
    function: _Called

    def as_port(self) -> ToolCall:
        return ToolCall(self.id, self.function.name, self.function.arguments)


class _Message(Protocol):
    @property
    def role(self) -> str: ...
    @property
    def tool_calls(self) -> list[Call] | None: ...
    @property
    def tool_call_id(self) -> str | None: ...


def tools_of(
    offered: Sequence[Tool] | None, choice: Choice | None, *, in_parallel: bool | None
) -> Tools | None:
    """What is offered; None where nothing is, or nothing may be called."""
    names = [tool.function.name for tool in offered or ()]
    if len(set(names)) < len(names):
        raise refused("Two tools have the same name.", param="tools")
    chosen = choice.function.name if isinstance(choice, _ChosenFunction) else None
    if (chosen or choice == "required") and (not names or chosen not in {None, *names}):
        raise refused("No tool that is sent along is called that.", param="tool_choice")
    if not offered or choice == "none":
        return None
    told = choice.model_dump() if isinstance(choice, _ChosenFunction) else choice
    return Tools(
        offered=_json([tool.model_dump(exclude_unset=True) for tool in offered]),
        choice=_json(told) if told else "",
        in_parallel=in_parallel,
    )


def require_answered(messages: Sequence[_Message]) -> None:
    """Refuse a history in which calls and results do not belong together: each call has one
    result, which follows it before anybody else speaks."""
    waiting: set[str] = set()
    for place, message in enumerate(messages):
        where = f"messages.{place}"
        if message.role == "tool":
            if message.tool_call_id not in waiting:
                raise refused("This result answers no call before it.", param=where)
            waiting.discard(message.tool_call_id)
            continue
        if waiting:
            raise refused("The calls before this message have no results.", param=where)
        if message.tool_calls and message.role != "assistant":
            raise refused("Only the assistant calls tools.", param=where)
        waiting = {call.id for call in message.tool_calls or ()}
        if len(waiting) < len(message.tool_calls or ()):
            raise refused("Two calls have the same id.", param=where)
    if waiting:
        raise refused("The last calls have no results.", param="messages")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
