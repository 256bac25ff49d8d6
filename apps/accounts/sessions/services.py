"""Verbs on the browsers in which somebody is signed in."""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.models import BrowserSession, User
from apps.accounts.sessions.store import is_over
from apps.core.errors import AppError, ErrorCode
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope


def sessions_of(user: User) -> list[BrowserSession]:
    """Browsers in which this person is signed in now, the last used first."""
    rows = BrowserSession.objects.filter(user=user, expire_date__gt=timezone.now())
    return [row for row in rows if not is_over(row)]


@transaction.atomic
def end_session(*, user: User, handle: UUID) -> None:
    """End one of this person's sessions. Raises AppError NOT_FOUND when it is not theirs."""
    _require_self_or_administrator(user)
    count, _rows = BrowserSession.objects.filter(user=user, handle=handle).delete()
    if not count:
        raise AppError(ErrorCode.NOT_FOUND, status=404)
    events.record("person.session_ended", user)


@transaction.atomic
def end_sessions(*, user: User, keep: HttpRequest | None = None) -> int:
    """End every session of this person but that of ``keep``. Returns how many."""
    _require_self_or_administrator(user)
    rows = BrowserSession.objects.filter(user=user)
    if keep is not None:
        rows = rows.exclude(session_key=keep.session.session_key or "")
    count, _rows = rows.delete()
    if count:
        events.record("person.sessions_ended", user, count=count)
    return count


def forget_over() -> int:
    """Remove the rows of sessions that ended by themselves. Returns how many."""
    now = timezone.now()
    unused = Q(last_used_at__lt=now - settings.SESSION_IDLE)
    count, _rows = BrowserSession.objects.filter(unused | Q(expire_date__lt=now)).delete()
    return count


def _require_self_or_administrator(user: User) -> None:
    scope = current_scope()
    if scope.actor_id != user.pk:
        scope.require(Permission.ADMINISTER)
