"""What was said before a question, and whether it may be asked after that."""

import json
import re
from collections.abc import Sequence
from typing import Any

from apps.chat.models import Turn
from apps.chat.queries import ancestors
from apps.chat.wishes import NO_WISHES, Wishes
from apps.rag.condense import standalone
from apps.rag.ports import Speaker
from apps.rag.ports import Turn as Message
from apps.topics import services as topics

# Where a tool names something; who writes sentences there is read all the same.
_NAMING = frozenset({"name", "type", "required"})
_NAME = re.compile(r"[A-Za-z0-9_.$-]{1,64}")
# Turns of the conversation that a follow-up may lean on.
HISTORY_TURNS = 6


def messages_of(past: Sequence[Turn]) -> list[Message]:
    """Answered turns as the model said them; thinking is never among it."""
    answered = {Turn.State.COMPLETE, Turn.State.STOPPED, Turn.State.REFUSED}
    messages: list[Message] = []
    for turn in past:
        if turn.state in answered and turn.answer:
            messages += [
                Message(Speaker.USER, turn.question),
                Message(Speaker.ASSISTANT, turn.answer),
            ]
    return messages


def require_topic_allowed(
    question: str, *, parent: Turn | None, wishes: Wishes | None = None
) -> None:
    """Refuse what a rule about topics keeps the asker from: the question as it stands, as it is
    meant after ``parent``, and whatever a program says along with it. See ``topics.services``."""
    brought = wishes or NO_WISHES
    history = list(brought.history) or messages_of(ancestors(parent, limit=HISTORY_TURNS))
    topics.require_allowed(
        question,
        before=standalone(question, history).removesuffix(question.strip()).strip(),
        beside=[
            text
            for text in (
                brought.instructions,
                _words_of_tools(brought),
                *map(_words_of, brought.history + brought.exchange),
            )
            if text.strip()
        ],
    )


def _words_of_tools(brought: Wishes) -> str:
    """What a program says in the tools it offers: descriptions, examples, choices. Names of
    functions and of fields are no question: one called ``salary_of`` would refuse every one."""
    tools = brought.tuning.tools
    said: list[str] = []
    left: list[tuple[str, Any]] = [("", json.loads(tools.offered))] if tools else []
    while left:
        key, value = left.pop()
        match value:
            case dict():
                left += value.items()
            case list():
                left += [(key, each) for each in value]
            case str() if not (key in _NAMING and _NAME.fullmatch(value)):
                said.append(value)
    return "\n".join(reversed(said))


def _words_of(message: Message) -> str:
    return "\n".join((message.text, *(call.arguments for call in message.calls))).strip()
