"""Whether a question may be asked: by the rules that hold for an asker, cheapest first."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import TypedDict
from uuid import UUID

from asgiref.sync import async_to_sync

from apps.core.errors import AppError, ErrorCode
from apps.gateway import services as gateway
from apps.gateway.routing.assign import Task
from apps.rag import kinds
from apps.rag.ports import EngineError, Judge
from apps.rag.prompt import Check
from apps.topics.models import Effect, Topic, TopicRule
from apps.topics.words import evened, fits, has_word, plain

log = logging.getLogger(__name__)

# A question is looked at when it is asked and again when it is searched for.
# A check holds one of few threads while it waits for the model.
LONGEST_S = 60.0
KEPT_S, MOST_KEPT = 60.0, 2000


class By(StrEnum):
    """What told that a question is of a topic."""

    WORD = "word"
    PATTERN = "pattern"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was written, what was asked before it where it leans on that, what else its
    asker said along with it, and earlier questions that get an answer with it."""

    question: str
    before: str = ""
    beside: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()

    @property
    def questions(self) -> tuple[str, ...]:
        return (self.question, *self.earlier)

    @property
    def all(self) -> tuple[str, ...]:
        meant = (f"{self.before} {self.question}",) if self.before else ()
        return (self.question, *meant, *self.earlier, *self.beside)


@dataclass(frozen=True, slots=True)
class Found:
    """Why a question is of a topic. ``sign`` is the word or pattern, "" where a model said so."""

    topic: Topic
    by: By
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says to one question."""

    rule: TopicRule
    found: Found | None

    @property
    def is_refused(self) -> bool:
        return (self.found is not None) == (self.rule.effect == Effect.AWAY)


class DecisionJson(TypedDict):
    """What a trace keeps of one rule: never a word of the question."""

    rule: str
    name: str
    effect: str
    topic: str
    by: str
    refused: bool


def as_json(verdict: Verdict) -> DecisionJson:
    return {
        "rule": str(verdict.rule.pk),
        "name": verdict.rule.name,
        "effect": verdict.rule.effect,
        "topic": verdict.found.topic.name if verdict.found else "",
        "by": verdict.found.by.value if verdict.found else "",
        "refused": verdict.is_refused,
    }


def verdicts(asked: Asked, rules: Sequence[TopicRule]) -> list[Verdict]:
    """What each rule says, up to the first that refuses: those that words alone decide come before
    those that a model is asked for. Raises AppError TOPIC_UNCHECKED where it does not answer.

    ``rules`` bring their topics along (``prefetch_related``).
    """
    said: list[Verdict] = []
    open_rules: list[TopicRule] = []
    for rule in rules:
        found = _by_words(asked, rule)
        if found is None and any(topic.prompt for topic in rule.topics.all()):
            open_rules.append(rule)
            continue
        said.append(Verdict(rule, found))
        if said[-1].is_refused:
            return said
    for rule in open_rules:
        said.append(Verdict(rule, _by_model(asked, rule)))
        if said[-1].is_refused:
            break
    return said


def _by_words(asked: Asked, rule: TopicRule) -> Found | None:
    """A rule that keeps away looks at all that was said; one that keeps to its topics at each
    question alone, which no word beside it or before it makes better."""
    if rule.effect == Effect.AWAY:
        return _has_words(rule, asked.all)
    found = [_has_words(rule, (question,)) for question in asked.questions]
    return found[0] if all(found) else None


def _has_words(rule: TopicRule, texts: Sequence[str]) -> Found | None:
    return next((found for t in rule.topics.all() if (found := found_by_words(t, texts))), None)


def found_by_words(topic: Topic, texts: Iterable[str]) -> Found | None:
    """The word or pattern of the topic that one of the texts has."""
    for text in texts:
        if word := has_word(plain(text), topic.words):
            return Found(topic, By.WORD, word)
        if pattern := fits(evened(text), topic.patterns):
            return Found(topic, By.PATTERN, pattern)
    return None


def _by_model(asked: Asked, rule: TopicRule) -> Found | None:
    if rule.effect == Effect.AWAY:
        return _is_held_to_be(rule, asked.all)
    found = None
    for question in asked.questions:
        before = asked.before if question is asked.question else ""
        found = _has_words(rule, (question,)) or _is_held_to_be(rule, (question,), before=before)
        if found is None:
            break
    return found


def _is_held_to_be(rule: TopicRule, texts: Sequence[str], *, before: str = "") -> Found | None:
    found = (found_by_model(topic, texts, before=before) for topic in rule.topics.all())
    return next((each for each in found if each), None)


def found_by_model(topic: Topic, texts: Iterable[str], *, before: str = "") -> Found | None:
    """What the language model says of the texts, which are understood by what was asked ``before``;
    raises AppError TOPIC_UNCHECKED where it says nothing."""
    if not topic.prompt:
        return None
    distinct = dict.fromkeys(text.strip() for text in texts if text.strip())
    for text in distinct:
        if any(_is_of(topic.prompt, piece, before) for piece in kinds.pieces(text)):
            return Found(topic, By.MODEL)
    return None


# --- the model ------------------------------------------------------------------------------------
# The same for all checks: a server that has read the prompt before is quicker with it.
_ONE_SERVER = UUID(int=0)
_kept: dict[bytes, tuple[float, bool]] = {}
_lock = Lock()


def forget() -> None:
    """Ask the model anew from here on."""
    with _lock:
        _kept.clear()


def _is_of(kind: str, text: str, before: str) -> bool:
    key = hashlib.sha256(f"{kind}\0{before}\0{text}".encode()).digest()
    now = time.monotonic()
    with _lock:
        known = _kept.get(key)
    if known is not None and now - known[0] < KEPT_S:
        return known[1]
    said = _asked_model(kind, text, before)
    with _lock:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[key] = (now, said)
    return said


def _asked_model(kind: str, text: str, before: str) -> bool:
    check = kinds.check_of(kind, text, before=before)
    try:
        plan = gateway.plan(gateway.Asked(text, conversation=_ONE_SERVER, task=Task.CLASSIFY))
        within_s = min(plan.patience.first_token_s, LONGEST_S)
        return async_to_sync(_odds)(plan.generator, check, within_s) > 0
    except (EngineError, TimeoutError) as error:
        log.warning("a topic could not be checked: %s", type(error).__name__)
        raise AppError(ErrorCode.TOPIC_UNCHECKED, status=503) from error


async def _odds(judge: Judge, check: Check, within_s: float) -> float:
    """A model that says nothing for so long has not said that the question is allowed."""
    async with asyncio.timeout(within_s):
        return await judge.odds(check.turns, yes=check.yes, no=check.no)
