"""Who is at the other end of a socket: asked anew, since a socket may outlive its session."""

from typing import Any

from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, parse_cookie

from apps.accounts import second_factor
from apps.accounts.models import BrowserSession, User
from apps.accounts.sessions.store import SessionStore

# Where a socket keeps which session opened it.
_HANDLE = "session_handle"


def person_at(socket: Any) -> User | None:
    """The person of this socket now; None when signed out, revoked, deactivated, or without the
    second factor that they need."""
    user = request_of(socket).user
    return user if isinstance(user, User) else None


def request_of(socket: Any) -> HttpRequest:
    """What session and language are read from, as the browser sent it when the socket opened; its
    ``user`` is ``person_at``, or anonymous."""
    request = HttpRequest()
    session = socket.get("session")
    headers = dict(socket.get("headers", ()))
    request.META["HTTP_ACCEPT_LANGUAGE"] = headers.get(b"accept-language", b"").decode("latin-1")
    request.COOKIES = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    request.user = AnonymousUser()
    if session is None or not session.session_key:
        user = socket.get("user")  # signed in by other means than a session, which say who it is
        rows = User.objects.filter(pk=user.pk, is_active=True) if user else User.objects.none()
        request.user = rows.first() or AnonymousUser()
        return request
    request.session = _session_of(socket)
    user = get_user(request)
    if isinstance(user, User) and not second_factor.is_missing(user, request.session):
        request.user = user
    return request


def _session_of(socket: Any) -> SessionStore:
    """A session object of its own: the one of the socket remembers what was true at its start. A
    session that has another token since, because its person confirmed who they are, is the same."""
    found = SessionStore(socket["session"].session_key)
    found.keys()  # reads the row
    if found.row is None and (handle := socket.get(_HANDLE)):
        rows = BrowserSession.objects.filter(handle=handle)
        found = SessionStore(rows.values_list("session_key", flat=True).first())
    elif found.row is not None:
        socket[_HANDLE] = found.row.handle
    return found
