"""What each answer used: a row of its own, the day's sum, and the judgement of what is tried."""

import logging
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.gateway import limits, trials
from apps.gateway.generator import OK, Attempt
from apps.gateway.models import Generation, ModelVersion, UsageDay
from apps.gateway.services import Plan
from apps.permissions.scope import current_scope, system_scope

log = logging.getLogger(__name__)

# Stands in a unique key for "none": no id is made of zeros.
NOBODY = UUID(int=0)
_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Used:
    """What came of one answer. ``is_counted``: the engine said how many tokens."""

    turn_id: UUID
    workspace_id: UUID | None
    outcome: Generation.Outcome
    code: str
    prompt_tokens: int
    completion_tokens: int
    is_counted: bool
    first_token_ms: int | None
    took_ms: int


def account(plan: Plan, used: Used) -> Generation | None:
    """Write down what an answer used, for the actor of the current scope. None where no model was
    asked. In the transaction that keeps the answer."""
    attempts = plan.generator.attempts
    if not attempts:
        limits.settle(turn_id=used.turn_id, amount=limits.Amount(0))
        return None
    row = _row(plan, used, attempts[-1])
    tokens = row.prompt_tokens + row.completion_tokens
    limits.settle(turn_id=used.turn_id, amount=limits.Amount(tokens, row.cost))
    row.save(force_insert=True)
    _add_to_day(row)
    if plan.version is not None and plan.version.state == ModelVersion.State.CANARY:
        transaction.on_commit(partial(_judge, plan.version.pk))
    return row


def _judge(version_id: UUID) -> None:
    """What the answer says of a version that is tried. The answer is kept, whatever comes of it."""
    try:
        with system_scope("accounts of models: judging a version that is tried"):
            trials.look(version_id)
    except Exception:
        log.exception("a version that is tried could not be judged")


def cost_of(version: ModelVersion | None, *, read: int, written: int) -> Decimal:
    if version is None:
        return Decimal(0)
    price = version.read_price * read + version.write_price * written
    return (price / _MILLION).quantize(Decimal("0.00000001"))


def _row(plan: Plan, used: Used, last: Attempt) -> Generation:
    scope = current_scope()
    return Generation(
        turn_id=used.turn_id,
        person_id=scope.actor_id,
        workspace_id=used.workspace_id,
        application_id=scope.application_id,
        key_id=scope.via_key,
        model=plan.name,
        version_id=plan.version.pk if plan.version else None,
        server=last.name,
        is_stood_in=last.outcome == OK and last.key not in plan.own_keys,
        prompt_tokens=used.prompt_tokens,
        completion_tokens=used.completion_tokens,
        is_counted=used.is_counted,
        first_token_ms=used.first_token_ms,
        took_ms=used.took_ms,
        outcome=used.outcome,
        code=used.code,
        cost=cost_of(plan.version, read=used.prompt_tokens, written=used.completion_tokens),
    )


@transaction.atomic
def _add_to_day(row: Generation) -> None:
    key: dict[str, Any] = {
        "day": timezone.now().date(),
        "person_id": row.person_id or NOBODY,
        "workspace_id": row.workspace_id or NOBODY,
        "application_id": row.application_id or NOBODY,
        "model": row.model,
    }
    UsageDay.objects.get_or_create(**key)
    UsageDay.objects.filter(**key).update(
        requests=F("requests") + 1,
        failed=F("failed") + int(row.outcome == Generation.Outcome.FAILED),
        prompt_tokens=F("prompt_tokens") + row.prompt_tokens,
        completion_tokens=F("completion_tokens") + row.completion_tokens,
        first_token_ms=F("first_token_ms") + (row.first_token_ms or 0),
        took_ms=F("took_ms") + row.took_ms,
        cost=F("cost") + row.cost,
    )
