"""Versions that are tried: taken away by themselves when they are worse, made live when they are as
good. Looked at after every answer of theirs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from apps.core.errors import ErrorCode
from apps.gateway import registry
from apps.gateway.models import Generation, ModelVersion
from apps.gateway.routing.judgement import LOOKS, Judgement, Tally, Verdict, judge

# Of each version the last so many answers count: what was long ago says little about now.
WINDOW = 1000
State = ModelVersion.State
Outcome = Generation.Outcome


def look(version_id: UUID) -> Judgement | None:
    """Judge a version that is tried against the live one, and act on it. None for any other."""
    with transaction.atomic():
        tried = ModelVersion.objects.filter(pk=version_id, state=State.CANARY).first()
        # Read again behind the lock: somebody may have decided in the meantime.
        if tried is None or registry.locked(tried).state != State.CANARY:
            return None
        live = _live_beside(tried)
        if live is None:
            return None
        so_far = tally(tried)
        found = judge(so_far, tally(live, since=tried))
        if found.verdict is Verdict.WAIT:
            found = _at_last_look(tried, live, so_far.asked) or found
        match found.verdict:
            case Verdict.ROLL_BACK:
                registry.withdraw(tried, found.why.value)
            case Verdict.PROMOTE:
                registry.promote(tried, found.why.value)
            case Verdict.WAIT:
                pass
        return found


def _at_last_look(tried: ModelVersion, live: ModelVersion, asked: int) -> Judgement | None:
    """What the last planned look said, by what was known then: the same however often it is asked,
    and also when two answers ended together and nobody looked in between. None unless it promotes."""
    planned = max((each for each in LOOKS if each <= asked), default=0)
    if not planned:
        return None
    last = _counted(tried).order_by("at", "pk").values_list("at", flat=True)[planned - 1]
    then = judge(tally(tried, most=planned), tally(live, since=tried, until=last))
    return then if then.verdict is Verdict.PROMOTE else None


def _live_beside(tried: ModelVersion) -> ModelVersion | None:
    return ModelVersion.objects.filter(model_id=tried.model_id, state=State.LIVE).first()


def tally(
    version: ModelVersion,
    *,
    since: ModelVersion | None = None,
    until: datetime | None = None,
    most: int | None = None,
) -> Tally:
    """What came of a version's answers since it is in its state, or since another one is: of the
    last ``WINDOW``, or of the first ``most``."""
    rows = _counted(version, since=since)
    if until is not None:
        rows = rows.filter(at__lte=until)
    chosen = rows.order_by("at", "pk")[:most] if most else rows.order_by("-at")[:WINDOW]
    recent = Generation.objects.filter(pk__in=chosen.values("pk"))
    # Where another model had to stand in, this one failed.
    failed = Q(outcome=Outcome.FAILED) | Q(is_stood_in=True)
    counts: dict[str, Any] = recent.aggregate(
        asked=Count("pk"),
        failed=Count("pk", filter=failed),
        refused=Count("pk", filter=Q(outcome=Outcome.REFUSED, is_stood_in=False)),
    )
    times = (
        recent.exclude(first_token_ms=None)
        .exclude(is_stood_in=True)
        .values_list("first_token_ms", flat=True)
    )
    return Tally(**counts, first_ms=tuple(int(each or 0) for each in times))


def _counted(version: ModelVersion, *, since: ModelVersion | None = None) -> QuerySet[Generation]:
    """Answers that say something of a version."""
    rows = Generation.objects.filter(version_id=version.pk).exclude(outcome=Outcome.STOPPED)
    # That there was no place says something of the servers, and nothing of the version.
    rows = rows.exclude(outcome=Outcome.FAILED, code=ErrorCode.ENGINE_BUSY)
    began = (since or version).since
    return rows if began is None else rows.filter(at__gte=began)
