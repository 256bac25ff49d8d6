"""Reads of applications that are worth a name."""

from collections.abc import Sequence

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils import timezone

from apps.accounts.models import User
from apps.applications.models import Application, ApplicationKey, KeyUsage
from apps.workspaces.scopes import scope_of


def applications() -> QuerySet[Application]:
    """Every application with ``working`` keys and the time of its ``last_use``."""
    lasts = Q(keys__expires_at=None) | Q(keys__expires_at__gt=timezone.now())
    works = lasts & Q(keys__revoked_at=None, keys__isnull=False)
    working = Count("keys", filter=works)
    return Application.objects.annotate(working=working, last_use=Max("keys__last_used_at"))


def keys_of(application: Application) -> Sequence[ApplicationKey]:
    """Keys that work or could, newest first, each with ``tokens_today``."""
    today = KeyUsage.objects.filter(day=timezone.now().date())
    rows = application.keys.filter(revoked_at=None)
    rows = rows.annotate(tokens_today=Sum("usage__tokens", filter=Q(usage__in=today)))
    return list(rows.order_by("is_sandbox", "-created_at"))


def reach_of(account: User) -> tuple[int, int]:
    """(workspaces, collections) that an account was let into: numbers, no names."""
    scope = scope_of(account)
    return len(scope.workspaces), len(scope.readable)
