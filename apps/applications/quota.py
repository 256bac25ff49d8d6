"""The tokens that a key of an application may use in a day: reserved before an answer, counted after
it, so that many at once cannot overspend by more than one answer."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.applications.models import ApplicationKey, KeyHold, KeyUsage
from apps.core.errors import AppError, ErrorCode
from apps.permissions.scope import current_scope


def reserve_tokens(*, turn_id: UUID, tokens: int) -> None:
    """Hold what an answer may use at most. Raises AppError QUOTA_EXCEEDED where the key of the
    current scope has used its tokens up. In the transaction that opens the turn."""
    scope = current_scope()
    if scope.application_id is None or scope.via_key is None:
        return
    limits = ApplicationKey.objects.filter(pk=scope.via_key, tokens_per_day__gt=0)
    limit = limits.values_list("tokens_per_day", flat=True).first()
    if limit is None:
        return
    now = timezone.now()
    usage, _made = KeyUsage.objects.get_or_create(key_id=scope.via_key, day=now.date())
    # One statement asks and takes: two at once cannot both get the last of it.
    rows = KeyUsage.objects.filter(pk=usage.pk, tokens__lt=limit - F("reserved"))
    if not rows.update(reserved=F("reserved") + tokens):
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        wait = max(1, int((midnight - now).total_seconds()))
        raise AppError(
            ErrorCode.QUOTA_EXCEEDED, status=429, retry_after=wait, resets_at=midnight.isoformat()
        )
    KeyHold.objects.create(turn_id=turn_id, usage=usage, tokens=tokens)


def settle_tokens(*, turn_id: UUID) -> None:
    """Give back what an answer had reserved: it has ended, and what it used is counted."""
    for hold in KeyHold.objects.filter(turn_id=turn_id):
        _let_go(hold)


def release_forgotten(*, before: datetime) -> int:
    """Give back what processes that died had reserved. Returns how many holds."""
    old = list(KeyHold.objects.filter(created_at__lt=before))
    for hold in old:
        _let_go(hold)
    return len(old)


@transaction.atomic
def _let_go(hold: KeyHold) -> None:
    gone, _rows = KeyHold.objects.filter(pk=hold.pk).delete()
    if gone:
        KeyUsage.objects.filter(pk=hold.usage_id).update(reserved=F("reserved") - hold.tokens)


def count_tokens(*, tokens: int) -> None:
    """Write down what an answer used, for the key of the current scope, if it is an application's."""
    scope = current_scope()
    if scope.application_id is None or scope.via_key is None:
        return
    day = timezone.now().date()
    KeyUsage.objects.get_or_create(key_id=scope.via_key, day=day)
    rows = KeyUsage.objects.filter(key_id=scope.via_key, day=day)
    rows.update(answers=F("answers") + 1, tokens=F("tokens") + tokens)
