"""Guessing passwords is slow: ten failures in five minutes by person and address (django-axes).

Counted by person *and* address, so that nobody can lock another person out everywhere; whichever of
their names was typed. Beside it an address may fail only so often for all names together.
"""

import hashlib
import math
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.db import transaction
from django.db.models import Q, Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import ngettext

from apps.accounts.models import User
from apps.core import limits
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope

FAILURES = 10
WINDOW = timedelta(minutes=5)
# An office behind one address may mistype much, a list of stolen passwords is longer.
_OF_ONE_ADDRESS = "200/10 minutes"


def who(_request: HttpRequest | None, credentials: dict[str, str] | None) -> str:
    """Under what failures are counted: the person's id, or a hash of a name that nobody has (what
    was typed there may be a password). Axes calls it."""
    typed = str((credentials or {}).get("username") or "").strip()
    field = "email" if "@" in typed else "login"
    rows = User.objects.filter(**{f"{field}__iexact": typed}) if typed else User.objects.none()
    pk = rows.values_list("pk", flat=True).first()
    return str(pk) if pk else hashlib.sha256(typed.casefold().encode()).hexdigest()


def address_of(request: HttpRequest) -> str | None:
    """Uvicorn has put the client's address here, if a trusted proxy named it. Axes calls it."""
    return request.META.get("REMOTE_ADDR") or None


def refusal(request: HttpRequest, username: str) -> str:
    """Why this person may not try from this address now, and until when; empty when they may."""
    credentials = {"username": username}
    if not AxesProxyHandler.is_allowed(request, credentials):
        return wait_sentence(_seconds_left(request, who(request, credentials)))
    spread = limits.look(_OF_ONE_ADDRESS, "failed sign-ins", address_of(request) or "")
    if spread is not None and not spread.is_allowed:
        return wait_sentence(spread.reset_s)
    return ""


def wait_sentence(seconds: int) -> str:
    """When to come again, in whole minutes."""
    minutes = max(1, math.ceil(seconds / 60))
    return ngettext(
        "Too many failed attempts. Try again in %(minutes)s minute.",
        "Too many failed attempts. Try again in %(minutes)s minutes.",
        minutes,
    ) % {"minutes": minutes}


def _seconds_left(request: HttpRequest, username: str) -> int:
    rows = AccessAttempt.objects.filter(username=username, ip_address=address_of(request))
    last = rows.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
    return math.ceil((last + WINDOW - timezone.now()).total_seconds()) if last else 0


def count_failure(request: HttpRequest, username: str) -> None:
    """A wrong password, code or passkey. ``authenticate`` counts by itself."""
    user_login_failed.send(sender=__name__, credentials={"username": username}, request=request)


def count_for_address(request: HttpRequest, **_kwargs: object) -> None:
    """Hears of every failure."""
    if request is not None:
        limits.hit(_OF_ONE_ADDRESS, "failed sign-ins", address_of(request) or "")


user_login_failed.connect(count_for_address, dispatch_uid="accounts.throttle")


def forget_failures(request: HttpRequest, username: str) -> None:
    """The right answer forgets the wrong ones. Signing in does so by itself."""
    reset(ip=address_of(request), username=who(request, {"username": username}))


def locked(people: Iterable[User]) -> dict[UUID, int]:
    """Of these people, those who are locked somewhere, and at how many addresses."""
    rows = (
        AccessAttempt.objects.filter(
            Q(username__in=[str(user.pk) for user in people]),
            attempt_time__gte=timezone.now() - WINDOW,
        )
        .values("username", "ip_address")
        .annotate(failures=Sum("failures_since_start"))
        .filter(failures__gte=settings.AXES_FAILURE_LIMIT)
    )
    found: dict[UUID, int] = {}
    for row in rows:
        pk = UUID(row["username"])
        found[pk] = found.get(pk, 0) + 1
    return found


@transaction.atomic
def unlock(*, user: User) -> None:
    """Let this person try again at once, wherever they are."""
    current_scope().require(Permission.ADMINISTER)
    reset(username=str(user.pk))
    events.record("person.unlocked", user)
