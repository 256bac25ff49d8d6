"""Which language model answers whom, on which servers: a plan for each question."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import Max, QuerySet

from apps.engines import factory
from apps.engines.factory import ChatSettings
from apps.engines.models import Endpoint
from apps.gateway.generator import LONGEST_WAIT_S, Candidate, RoutedGenerator
from apps.gateway.models import ModelVersion
from apps.gateway.offers import Choice, chosen, live_of
from apps.gateway.routing.assign import Question, Task
from apps.permissions.scope import current_scope
from apps.rag.generate import Patience
from apps.rag.language import language_of
from apps.rag.ports import UNTUNED, Tuning
from apps.rag.tokens import estimate_tokens

# The installation's own server: that of its environment, or the one that comes with it.
OWN = "own"
# A processor without a GPU reads about 70 tokens a second, and another question may be before us.
LOCAL_PATIENCE = Patience(first_token_s=180, between_tokens_s=60, total_s=900)
REMOTE_PATIENCE = Patience(first_token_s=60, between_tokens_s=30, total_s=600)
# Servers of a model's fall-backs come behind all of its own.
_BEHIND = 100
_MOST_FALLBACKS = 5
# The product's own instructions in every prompt, with room to spare.
_RULES_TOKENS = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of a question before it is planned. ``model``: what the asker or the workspace
    chose; ``group``: the workspace, whose turn it is where questions wait; without one the
    application's or the person's."""

    question: str = ""
    model: str = ""
    tuning: Tuning = UNTUNED
    conversation: UUID | None = None
    group: UUID | None = None
    task: Task = Task.ANSWER


@dataclass(frozen=True, slots=True)
class Plan:
    """What one question is answered with. ``generator`` tells afterwards who was asked. ``name``
    is what people know the model by; ``own_keys`` are its own servers, without stand-ins."""

    settings: ChatSettings
    generator: RoutedGenerator
    patience: Patience
    name: str
    own_keys: frozenset[str]
    why: str = ""
    version: ModelVersion | None = None

    @property
    def instructions(self) -> str:
        """What the version adds to the workspace's instructions."""
        return self.version.prompt if self.version else ""


def plan(asked: Asked) -> Plan:
    """Who answers the next question of a conversation. Raises AppError NO_MODEL where models are
    registered and the asker may use none of them."""
    choice = chosen(
        asked.model,
        Question(asked.task, language_of(asked.question), estimate_tokens(asked.question)),
        conversation=asked.conversation or UUID(int=0),
    )
    rows = list(serving())
    if choice is None:
        settings = _settings(rows)
        own = _pool(rows, settings, asked.model, asked.tuning)
        name = asked.model or settings.model
        return _planned(asked, replace(settings, model=name), own, name=name)
    settings = _settings_of(choice.version, rows)
    own = _of_version(choice.version, rows, asked.tuning)
    keys = frozenset(candidate.key for candidate in own)
    behind = [each for each in _fallbacks(choice, rows, asked.tuning) if each.key not in keys]
    found = _planned(asked, settings, own + behind, name=choice.model.name)
    return replace(found, own_keys=keys, why=choice.why, version=choice.version)


def serving() -> QuerySet[Endpoint]:
    """Language model servers that administrators put to use, the first one first."""
    rows = Endpoint.objects.filter(kind=Endpoint.Kind.CHAT, is_active=True)
    return rows.order_by("is_beside", "created_at")


def most_tokens() -> int:
    """What one answer may use at most: rules, sources, history and the answer itself."""
    base = _settings(list(serving()))
    live = ModelVersion.objects.filter(state__in=["live", "canary"])
    found = live.aggregate(read=Max("context_tokens"), written=Max("max_tokens"))
    read = max(base.context_tokens, found["read"] or 0)
    return _RULES_TOKENS + read + max(base.max_tokens, found["written"] or 0)


def trace(plan: Plan) -> dict[str, Any]:
    """Which model answered and why, and which servers were asked, in this order."""
    version = {"version": plan.version.number} if plan.version else {}
    attempts = [attempt.as_json() for attempt in plan.generator.attempts]
    return {"model": plan.name, "why": plan.why, **version, "servers": attempts}


def _planned(
    asked: Asked, settings: ChatSettings, candidates: list[Candidate], *, name: str
) -> Plan:
    conversation = str(asked.conversation or "")
    scope = current_scope()
    # Whose turn it is: never the conversation's, or who opens many would come first.
    group = asked.group or scope.application_id or scope.actor_id
    generator = RoutedGenerator(candidates, conversation, str(group or conversation))
    keys = frozenset(candidate.key for candidate in candidates if candidate.rank == 0)
    return Plan(settings, generator, _patience(candidates), name, keys)


# --- servers --------------------------------------------------------------------------------------
def _settings(rows: Sequence[Endpoint]) -> ChatSettings:
    if not rows:
        return factory.chat_settings()
    first = rows[0]
    return ChatSettings(
        first.model, first.context_tokens, first.max_tokens, first.base_url, is_local=False
    )


def _settings_of(version: ModelVersion, rows: Sequence[Endpoint]) -> ChatSettings:
    """Those of its first server, where the version says nothing else."""
    named = [row for row in rows if row.pk in _server_ids(version)]
    base = _settings(named or rows)
    return replace(
        base,
        model=version.asked_as or base.model,
        context_tokens=version.context_tokens or base.context_tokens,
        max_tokens=version.max_tokens or base.max_tokens,
    )


def _server_ids(version: ModelVersion) -> set[UUID]:
    return {server.pk for server in version.servers.all()}


def _of_version(
    version: ModelVersion, rows: Sequence[Endpoint], wishes: Tuning, *, rank: int = 0
) -> list[Candidate]:
    """The servers of a version that are in use; a version without any is answered by the pool."""
    tuning = replace(
        wishes,
        temperature=version.temperature if wishes.temperature is None else wishes.temperature,
        top_p=version.top_p if wishes.top_p is None else wishes.top_p,
    )
    named = _server_ids(version)
    if not named:
        return _pool(rows, _settings(rows), version.asked_as, tuning)
    return [
        _candidate(row, version.asked_as or row.model, tuning, rank=rank)
        for row in rows
        if row.pk in named
    ]


def _fallbacks(choice: Choice, rows: Sequence[Endpoint], tuning: Tuning) -> list[Candidate]:
    """The servers of the live version behind one that is tried, then those of the model's
    fall-back, of the fall-back of that, and so on."""
    found: dict[str, Candidate] = {}
    for number, version in enumerate(_behind(choice)):
        rank = _BEHIND * (number + 1)
        for candidate in _of_version(version, rows, tuning, rank=rank):
            found.setdefault(candidate.key, replace(candidate, rank=rank))
    return list(found.values())


def _behind(choice: Choice) -> list[ModelVersion]:
    at = choice.model.fallback
    live = [live_of(choice.model)] if choice.version.state != ModelVersion.State.LIVE else []
    while at is not None and len(live) < _MOST_FALLBACKS:
        live.append(live_of(at))
        at = at.fallback
    return [version for version in live if version is not None]


def _pool(
    rows: Sequence[Endpoint], settings: ChatSettings, model: str, tuning: Tuning
) -> list[Candidate]:
    """Servers of the first one's model share the questions; others stand in, in their order.
    Without any: the installation's own."""
    if not rows:
        return [_own(factory.chat_settings(), model, tuning)]
    alike = [row for row in rows if row.model == settings.model]
    others = [row for row in rows if row.model != settings.model]
    found = [_candidate(row, model or row.model, tuning, rank=0) for row in alike]
    return found + [
        _candidate(row, row.model, tuning, rank=1 + place) for place, row in enumerate(others)
    ]


def _candidate(row: Endpoint, model: str, tuning: Tuning, *, rank: int) -> Candidate:
    return Candidate(
        key=str(row.pk),
        name=row.name,
        model=model,
        engine=factory.tuned(factory.generator_at(row, model), tuning),
        patience=Patience(row.first_token_s, row.between_tokens_s, REMOTE_PATIENCE.total_s),
        rank=rank,
        room=row.concurrency,
        longest_line=row.queue_length,
    )


def _own(settings: ChatSettings, model: str, tuning: Tuning) -> Candidate:
    engine = factory.tuned(factory.generator(model), tuning)
    patience = LOCAL_PATIENCE if settings.is_local else REMOTE_PATIENCE
    return Candidate(OWN, OWN, model or settings.model, engine, patience)


def _patience(candidates: Sequence[Candidate]) -> Patience:
    """How long a person waits for all of it: each server may use up its time before the next, and
    as long as one may wait for a place there."""
    waits = LONGEST_WAIT_S * sum(1 for each in candidates if each.room)
    tries = [each.patience for each in candidates] or [REMOTE_PATIENCE]
    return Patience(
        first_token_s=sum(each.first_token_s for each in tries) + waits,
        between_tokens_s=max(each.between_tokens_s for each in tries),
        total_s=max(each.total_s for each in tries) + waits,
    )
