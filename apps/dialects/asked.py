"""What a chat request asks for: the question, its history and wishes, out of OpenAI's messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from apps.chat.wishes import Wishes
from apps.dialects.tools import MOST_TOOLS, Call, Choice, Tool, require_answered, tools_of
from apps.dialects.view import refused
from apps.rag.ports import Speaker, Tuning, Turn

MOST_MESSAGES = 500
MOST_STOPS = 4
_SYSTEM = frozenset({"system", "developer"})


class _Part(BaseModel):
    type: str
    text: str = ""


class Message(BaseModel):
    """One message of the caller's history. Content may be text or parts of text."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[_Part] | None = None
    tool_calls: list[Call] | None = Field(None, max_length=MOST_TOOLS)
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        if other := next((part.type for part in self.content if part.type != "text"), ""):
            raise refused(f"Content of type '{other}' is not read: send text.", param="messages")
        return "\n".join(part.text for part in self.content)


class _StreamOptions(BaseModel):
    include_usage: bool = False


class _Format(BaseModel):
    type: str = "text"


class Extension(BaseModel):
    """Fields of our own, in ``footnote``. A misspelt one would widen the search: it is refused."""

    model_config = ConfigDict(extra="forbid")

    collections: list[UUID] = Field(default_factory=list, max_length=500)
    mode: Literal["chat", "documents_only"] | None = None
    model: str | None = Field(None, max_length=100)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value or []


class ChatBody(BaseModel):
    """The fields of a chat request that mean something here; others are passed over."""

    model: str = Field(max_length=200)
    messages: list[Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool | None = False
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    stop: Annotated[list[str], BeforeValidator(_listed), Field(max_length=MOST_STOPS)] = []
    n: int | None = 1
    store: bool | None = False
    logprobs: bool | None = False
    response_format: _Format | None = None
    tools: list[Tool] | None = Field(None, max_length=MOST_TOOLS)
    tool_choice: Choice | None = None
    parallel_tool_calls: bool | None = None
    functions: list[Any] | None = None
    footnote: Extension = Field(default_factory=Extension)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what the caller brings along."""

    question: str
    wishes: Wishes


def asked(body: ChatBody) -> Asked:
    """The last message of the user is the question, those before it are the history; behind it are
    only tools that were called for it. Those of the system are instructions of the caller: data, and
    never above the rules of the product."""
    require_answerable(body)
    require_answered(body.messages)
    spoken = [message for message in body.messages if message.role not in _SYSTEM]
    if not spoken or spoken[-1].role not in {"user", "tool"}:
        raise refused("The last message must be the user's, or results of tools.", param="messages")
    before, question, after = _around_the_question(spoken)
    told = [message.text for message in body.messages if message.role in _SYSTEM]
    wishes = Wishes(
        history=_history(before),
        exchange=_history(after),
        instructions="\n".join(told),
        tuning=Tuning(
            body.temperature,
            body.top_p,
            tuple(body.stop),
            tools_of(body.tools, body.tool_choice, in_parallel=body.parallel_tool_calls),
        ),
        max_tokens=body.max_completion_tokens or body.max_tokens or 0,
    )
    return Asked(question.text, wishes)


def _around_the_question(
    spoken: Sequence[Message],
) -> tuple[Sequence[Message], Message, Sequence[Message]]:
    """The last message of the user, with what was said before and after it."""
    places = [place for place, message in enumerate(spoken) if message.role == "user"]
    if not places:
        raise refused("There is no message of the user.", param="messages")
    return spoken[: places[-1]], spoken[places[-1]], spoken[places[-1] + 1 :]


def _history(messages: Sequence[Message]) -> tuple[Turn, ...]:
    turns = (
        Turn(
            Speaker(message.role),
            message.text.strip(),
            tuple(call.as_port() for call in message.tool_calls or ()),
            message.tool_call_id or "",
        )
        for message in messages
    )
    # A result may be empty: its call wants one all the same.
    return tuple(turn for turn in turns if turn.text or turn.calls or turn.answers)


def require_answerable(body: ChatBody) -> None:
    """What would be answered otherwise than asked is refused rather than passed over."""
    if any(not stop for stop in body.stop):
        raise refused("A stop sequence is empty.", param="stop")
    if body.n not in {1, None}:
        raise refused("One answer at a time: n must be 1.", param="n")
    if body.logprobs:
        raise refused("Probabilities are not given.", param="logprobs")
    if body.response_format and body.response_format.type != "text":
        raise refused("Answers are text.", param="response_format")
    if body.functions:
        raise refused("Send functions as tools.", param="functions")
