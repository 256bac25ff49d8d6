"""From a first proof to a session: the second step stands between, for those who have one."""

import time

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.accounts import second_factor, sign_in_log
from apps.accounts.models import User
from apps.accounts.second_factor import factors

_WAITING = "waiting_for_second_factor"
_WAITS_S = 10 * 60
BACKEND = "apps.accounts.backends.EmailOrLoginBackend"


def first_given(
    request: HttpRequest, user: User, *, backend: str = "", to: str = "", way: str = ""
) -> HttpResponse:
    """Somebody has just proven who they are by one means: sign them in, or ask for the second.
    ``to``: where they wanted to go, an address on this site. ``way``: where it was no password."""
    to = to or reverse("home")
    way = way or sign_in_log.way_of(backend)
    if factors.of(user).count == 0:
        return _signed_in(request, user, backend or BACKEND, to, way=way)
    request.session.cycle_key()
    request.session[_WAITING] = {
        "user": str(user.pk),
        "backend": backend or BACKEND,
        "to": to,
        "way": way,
        "at": int(time.time()),
    }
    return redirect("accounts:second-factor")


def waiting(request: HttpRequest) -> User | None:
    """Who gave the first proof here within the last ten minutes and not yet the second."""
    kept = request.session.get(_WAITING)
    if not kept or time.time() - kept["at"] > _WAITS_S:
        return None
    return User.objects.filter(pk=kept["user"], is_active=True, is_application=False).first()


def second_given(request: HttpRequest, user: User, *, by: str) -> HttpResponse:
    """Sign in whoever was ``waiting``."""
    kept = request.session.pop(_WAITING)
    way = kept.get("way", "password")
    return _signed_in(request, user, kept["backend"], kept["to"], way=way, by=by)


def by_passkey(request: HttpRequest, user: User, *, to: str) -> HttpResponse:
    """Sign in by a passkey alone: the device has asked for a PIN or a finger, so it is both."""
    to = to or reverse("home")
    return _signed_in(request, user, BACKEND, to, way="passkey", by="passkey")


def _signed_in(
    request: HttpRequest, user: User, backend: str, to: str, *, way: str, by: str = ""
) -> HttpResponse:
    request.session.pop(_WAITING, None)
    login(request, user, backend=backend)
    if by:  # after: another person's earlier session is emptied by signing in
        second_factor.mark(request.session, by)
    sign_in_log.signed_in(request, user, way=way, second=by)
    return redirect(to)
