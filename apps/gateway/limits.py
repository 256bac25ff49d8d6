"""Budgets: reserved before an answer, settled after it, so that many at once cannot overspend.

An answer is let through while anything is left, and reserves the most that it may use. However many
ask at once, what is used ends above the limit by less than one answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from apps.accounts.models import Group, User
from apps.applications import quota as applications
from apps.applications.models import Application
from apps.core.errors import AppError, ErrorCode
from apps.events import services as events
from apps.gateway.models import Hold, ModelVersion, Quota, QuotaUse
from apps.gateway.offers import my_groups
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope, system_scope
from apps.workspaces.models import Workspace

# Longer than any answer: a hold that is older is of a process that died.
FORGOTTEN_AFTER = timedelta(hours=1)
_MILLION = Decimal(1_000_000)
What, Of, Span = Quota.What, Quota.Of, Quota.Span


@dataclass(frozen=True, slots=True)
class Amount:
    """What one answer uses, or may use at most."""

    tokens: int
    money: Decimal = Decimal(0)

    def of(self, what: str) -> Decimal:
        match What(what):
            case What.TOKENS:
                return Decimal(self.tokens)
            case What.REQUESTS:
                return Decimal(1)
            case What.MONEY:
                return self.money


# --- asking ---------------------------------------------------------------------------------------
def reserve(*, turn_id: UUID, workspace_id: UUID | None, tokens: int) -> None:
    """Hold what the answer to a turn may use at most, in every budget that it counts towards.
    Raises AppError QUOTA_EXCEEDED, with the time until there is more, and holds nothing then. In
    the transaction that opens the turn."""
    applications.reserve_tokens(turn_id=turn_id, tokens=tokens)
    quotas = list(_quotas(workspace_id))
    if not quotas:
        return
    amount = Amount(tokens, _most_expensive() * tokens / _MILLION)
    now = timezone.now()
    for quota, subject_id in quotas:
        _reserve(quota, subject_id, turn_id, amount, now)


def reserve_alone(*, turn_id: UUID, tokens: int) -> None:
    """The same for an answer that nothing is saved of; no transaction where nobody counts."""
    if current_scope().application_id is None and not Quota.objects.exists():
        return
    with transaction.atomic():
        reserve(turn_id=turn_id, workspace_id=None, tokens=tokens)


def settle(*, turn_id: UUID, amount: Amount) -> None:
    """Count what an answer used in place of what it had reserved."""
    applications.settle_tokens(turn_id=turn_id)
    holds = Hold.objects.select_related("use__quota").filter(turn_id=turn_id)
    # In the order of ``reserve``: two answers that end at once never wait for each other.
    for hold in holds.order_by("use__quota_id", "use_id"):
        used = amount.of(hold.use.quota.what)
        if not amount.tokens and hold.use.quota.what == What.REQUESTS:
            used = Decimal(0)  # no model was asked
        if _let_go(hold, used):
            _warn(hold.use, used)


def release_forgotten() -> int:
    """Give back what processes that died had reserved. Returns how many holds."""
    old = Hold.objects.filter(created_at__lt=timezone.now() - FORGOTTEN_AFTER)
    count = sum(_let_go(hold, Decimal(0)) for hold in old)
    return count + applications.release_forgotten(before=timezone.now() - FORGOTTEN_AFTER)


@transaction.atomic
def _let_go(hold: Hold, used: Decimal) -> bool:
    """False where another process settled it first."""
    gone, _rows = Hold.objects.filter(pk=hold.pk).delete()
    if gone:
        QuotaUse.objects.filter(pk=hold.use_id).update(
            used=F("used") + used, reserved=F("reserved") - hold.amount
        )
    return bool(gone)


def _reserve(quota: Quota, subject: UUID, turn_id: UUID, amount: Amount, now: datetime) -> None:
    starts, ends = span_of(quota.span, now)
    use, _made = QuotaUse.objects.get_or_create(quota=quota, subject_id=subject, starts=starts)
    wanted = amount.of(quota.what)
    # One statement asks and takes: two at once cannot both get the last of it.
    rows = QuotaUse.objects.filter(pk=use.pk, used__lt=quota.hard - F("reserved"))
    if not rows.update(reserved=F("reserved") + wanted):
        wait = max(1, int((ends - now).total_seconds()))
        raise AppError(
            ErrorCode.BUDGET_EXCEEDED,
            status=429,
            retry_after=wait,
            resets_at=ends.isoformat(),
            of=quota.of,
            counted=quota.what,
        )
    Hold.objects.create(turn_id=turn_id, use=use, amount=wanted)


def _warn(use: QuotaUse, used: Decimal) -> None:
    """Tell once a span that a budget is nearly used up."""
    quota = use.quota
    if not quota.soft or use.used + used < quota.soft:
        return
    rows = QuotaUse.objects.filter(pk=use.pk, warned_at=None, used__gte=quota.soft)
    if rows.update(warned_at=timezone.now()):
        events.record(
            "quota.nearly_used", quota, of=quota.of, subject=str(use.subject_id), what=quota.what
        )


def _quotas(workspace_id: UUID | None) -> Iterable[tuple[Quota, UUID]]:
    """Every budget that the next answer counts towards, and whose part of it. Always in the same
    order, so that two answers never wait for each other."""
    scope = current_scope()
    rows = list(Quota.objects.order_by("pk"))
    groups = my_groups() if any(row.of == Of.GROUP for row in rows) else frozenset()
    mine = {
        Of.PERSON: {scope.actor_id},
        Of.GROUP: groups,
        Of.WORKSPACE: {workspace_id},
        Of.APPLICATION: {scope.application_id},
    }
    for row in rows:
        if row.of == Of.EVERYBODY and scope.actor_id is not None:
            yield row, scope.actor_id
        elif row.subject_id is not None and row.subject_id in mine.get(Of(row.of), set()):
            yield row, row.subject_id


def span_of(span: str, now: datetime) -> tuple[date, datetime]:
    """(first day, end) of the day or month (UTC) that ``now`` is in."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if span == Span.DAY:
        return midnight.date(), midnight + timedelta(days=1)
    first = midnight.replace(day=1)
    return first.date(), (first + timedelta(days=32)).replace(day=1)


def _most_expensive() -> Decimal:
    """The highest price of a million tokens, as long as it is not known which model answers."""
    in_use = ModelVersion.objects.filter(Q(state="live") | Q(state="canary"))
    highest = in_use.aggregate(read=Max("read_price"), write=Max("write_price"))
    return max(highest["read"] or Decimal(0), highest["write"] or Decimal(0))


# --- administration -------------------------------------------------------------------------------
@transaction.atomic
def add_quota(
    *, of: str, what: str, span: str, hard: Decimal, soft: Decimal, subject_id: UUID | None
) -> Quota:
    """A budget. Raises AppError BAD_REQUEST for one of nobody."""
    current_scope().require(Permission.ADMINISTER)
    if (of == Of.EVERYBODY) != (subject_id is None):
        raise AppError(ErrorCode.BAD_REQUEST, field="subject_id")
    row = Quota.objects.create(
        of=of, what=what, span=span, hard=hard, soft=soft, subject_id=subject_id
    )
    events.record("quota.added", row, of=of, what=what, span=span, at_most=str(hard))
    return row


@transaction.atomic
def delete_quota(*, quota: Quota) -> None:
    current_scope().require(Permission.ADMINISTER)
    events.record("quota.deleted", quota, of=quota.of, what=quota.what)
    quota.delete()


def workspace_id_of(slug: str) -> UUID | None:
    """The workspace of an address; for administrators, who need no role in it."""
    current_scope().require(Permission.ADMINISTER)
    with system_scope("budgets: the workspace that an administrator names"):
        return Workspace.objects.filter(slug=slug).values_list("pk", flat=True).first()


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget and what is used of it in the span that is now. Of each person: of who used most."""

    quota: Quota
    name: str
    used: Decimal
    reserved: Decimal


def standing() -> list[Standing]:
    """Every budget as it is now, for administrators."""
    now = timezone.now()
    made = []
    names = names_of({row.subject_id for row in Quota.objects.all() if row.subject_id})
    for row in Quota.objects.all():
        starts, _ends = span_of(row.span, now)
        use = row.uses.filter(starts=starts).order_by("-used").first()
        name = names.get(row.subject_id, "") if row.subject_id else ""
        used, reserved = (use.used, use.reserved) if use else (Decimal(0), Decimal(0))
        made.append(Standing(row, name, used, reserved))
    return made


def names_of(ids: set[UUID]) -> dict[UUID, str]:
    """Names of people, groups, applications and workspaces."""
    with system_scope("budgets: names for an administrator"):
        rows = [
            *User.objects.filter(pk__in=ids),
            *Group.objects.filter(pk__in=ids),
            *Application.objects.filter(pk__in=ids),
            *Workspace.objects.filter(pk__in=ids),
        ]
    return {row.pk: str(row) for row in rows}
