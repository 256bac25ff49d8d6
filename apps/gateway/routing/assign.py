"""Which version of a model a conversation gets, and which model where nobody chose. Pure rules."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from apps.gateway.routing.choose import weight

_WHOLE = 10_000


class Task(StrEnum):
    """What a language model is asked to do."""

    ANSWER = "answer"
    CONDENSE = "condense"
    TRANSLATE = "translate"
    SUMMARISE = "summarise"
    CLASSIFY = "classify"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class Question:
    """What is known of a question before a model is chosen for it."""

    task: Task = Task.ANSWER
    language: str = ""
    tokens: int = 0
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """Questions that fit all that is said here go to ``model``. Empty conditions fit everything."""

    model: str
    task: str = ""
    language: str = ""
    at_least_tokens: int = 0
    group: str = ""

    def fits(self, question: Question) -> bool:
        return (
            self.task in {"", question.task.value}
            and self.language in {"", question.language}
            and question.tokens >= self.at_least_tokens
            and (not self.group or self.group in question.groups)
        )


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that the asker may use. ``price``: of a million tokens written; ``context_tokens``:
    how much it takes."""

    model: str
    price: float = 0.0
    context_tokens: int = 0
    is_default: bool = False


def pick(
    rules: Sequence[Rule], offers: Collection[Offer], question: Question
) -> tuple[str, str] | None:
    """(model, why): the first rule that fits and leads to an offer; else the default; else the
    cheapest that takes the question. None without any offer."""
    by_name = {offer.model: offer for offer in offers}
    for number, rule in enumerate(rules, start=1):
        if rule.model in by_name and rule.fits(question):
            return rule.model, f"rule {number}"
    ranked = sorted(by_name.values(), key=lambda each: (each.price, each.model))
    if not ranked:
        return None
    if default := next((each for each in ranked if each.is_default), None):
        return default.model, "default"
    roomy = [each for each in ranked if each.context_tokens >= question.tokens]
    return (roomy or ranked)[0].model, "cheapest"


def is_in_canary(
    conversation: str, version: str, *, share: int, groups: Collection[str], mine: Collection[str]
) -> bool:
    """Whether a conversation is among the ``share`` percent that try a version, or its asker in one
    of the ``groups`` that do. The same on every turn; a larger share keeps those of a smaller one."""
    if set(groups) & set(mine):
        return True
    return weight(version, conversation) % _WHOLE < share * _WHOLE / 100
