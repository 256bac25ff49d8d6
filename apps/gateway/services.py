"""Which language model answers whom, on which servers: a plan for each question."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.engines import factory
from apps.engines.factory import ChatSettings
from apps.engines.models import Endpoint
from apps.gateway.generator import Candidate, RoutedGenerator
from apps.rag.generate import Patience
from apps.rag.ports import Tuning

# The installation's own server: that of its environment, or the one that comes with it.
OWN = "own"
# A processor without a GPU reads about 70 tokens a second, and another question may be before us.
LOCAL_PATIENCE = Patience(first_token_s=180, between_tokens_s=60, total_s=900)
REMOTE_PATIENCE = Patience(first_token_s=60, between_tokens_s=30, total_s=600)
# So long one may wait for a place, beside the time that the servers have.
LONGEST_WAIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What one question is answered with. ``generator`` tells afterwards who was asked."""

    settings: ChatSettings
    generator: RoutedGenerator
    patience: Patience

    @property
    def model(self) -> str:
        return self.settings.model


def plan(*, model: str = "", tuning: Tuning, conversation: UUID, group: UUID | None) -> Plan:
    """Who answers the next question of a conversation. ``model`` asks the first server for another
    one by name; ``group`` is the workspace, whose turn it is where questions wait."""
    rows = list(serving())
    settings = _settings(rows)
    candidates = _candidates(rows, settings, model, tuning) or [_own(settings, model, tuning)]
    generator = RoutedGenerator(candidates, str(conversation), str(group or conversation))
    return Plan(replace(settings, model=model or settings.model), generator, _patience(candidates))


def serving() -> QuerySet[Endpoint]:
    """Language model servers that administrators put to use, the first one first."""
    rows = Endpoint.objects.filter(kind=Endpoint.Kind.CHAT, is_active=True)
    return rows.order_by("is_beside", "created_at")


def trace(generator: RoutedGenerator) -> list[dict[str, Any]]:
    """Who was asked for an answer, in this order, why, and what came of it."""
    return [attempt.as_json() for attempt in generator.attempts]


def _settings(rows: Sequence[Endpoint]) -> ChatSettings:
    if not rows:
        return factory.chat_settings()
    first = rows[0]
    return ChatSettings(
        first.model, first.context_tokens, first.max_tokens, first.base_url, is_local=False
    )


def _candidates(
    rows: Sequence[Endpoint], settings: ChatSettings, model: str, tuning: Tuning
) -> list[Candidate]:
    """Servers of the first one's model share the questions; others stand in, in their order."""
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
    """How long a person waits for all of it: each server may use up its time before the next."""
    longest = max(candidates, key=lambda each: each.patience.total_s).patience
    waits = LONGEST_WAIT_S if any(each.room for each in candidates) else 0.0
    return Patience(
        first_token_s=sum(each.patience.first_token_s for each in candidates) + waits,
        between_tokens_s=max(each.patience.between_tokens_s for each in candidates),
        total_s=longest.total_s + waits,
    )
