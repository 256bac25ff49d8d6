"""Sign-in by the header of a proxy, and the hold on sessions that began elsewhere."""

import logging
import time

from django.contrib.auth import logout
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from apps.core.errors import AppError
from apps.core.views import is_for_machines
from apps.signon import services
from apps.signon.groups import told
from apps.signon.kinds.base import Statement
from apps.signon.kinds.header import Header
from apps.signon.models import SignOnProvider, SignOnSession
from apps.signon.views import KEY, enter

log = logging.getLogger(__name__)
# A change of such a provider is known to all processes after so long.
KEPT_S = 5.0
_BY_HEADER = "sign_on_header"


class _Kept:
    """The proxies that may say who is there, read now and then."""

    rows: list[tuple[SignOnProvider, Header]] = []
    until = 0.0

    @classmethod
    def all(cls) -> list[tuple[SignOnProvider, Header]]:
        if time.monotonic() > cls.until:
            cls.until = time.monotonic() + KEPT_S
            try:
                found = list(SignOnProvider.objects.filter(kind=Header.kind, is_on=True))
            except DatabaseError:  # the health of an installation is told without one
                return cls.rows
            kinds = [(row, services.kind_of(row)) for row in found]
            cls.rows = [(row, kind) for row, kind in kinds if isinstance(kind, Header)]
        return cls.rows

    @classmethod
    def forget(cls, until: float = 0.0) -> None:
        """Read them anew, but not before ``until``."""
        cls.rows, cls.until = [], until


forget = _Kept.forget


def peer_of(request: HttpRequest) -> str:
    """Who opened the connection: the proxy itself, whatever it says of who asks it."""
    scope = getattr(request, "scope", {})
    return str(scope.get("peer") or request.META.get("REMOTE_ADDR", ""))


class SignOnMiddleware(MiddlewareMixin):
    """Headers of people are believed of a named proxy, and removed when anybody else sends them,
    so that nothing behind here can mistake them."""

    def process_request(self, request: HttpRequest) -> None:
        _follow_key(request)
        rows = _Kept.all()
        if not rows:
            return
        peer = peer_of(request)
        named = next((each for each in rows if each[1].is_from(peer)), None)
        kept = set(named[1].names) if named else set()
        for name in {name for _row, kind in rows for name in kind.names} - kept:
            request.META.pop(name, None)
        request.__dict__.pop("headers", None)  # a cached view of what is gone now
        has_key = is_for_machines(request) and "Authorization" in request.headers
        if named and not has_key:  # a key decides alone, and programs keep no cookie
            _arrive(request, *named)


def _follow_key(request: HttpRequest) -> None:
    """Django gives a session a new key now and then, after a new password for example. What would
    end it has to find it under that."""
    known, now = request.session.get(KEY), request.session.session_key
    if known and now and known != now:
        SignOnSession.objects.filter(session_key=known).update(session_key=now)
        request.session[KEY] = now


def _arrive(request: HttpRequest, row: SignOnProvider, kind: Header) -> None:
    """The session is that of whom the proxy names; it ends when the proxy names nobody."""
    try:
        statement = kind.said(request)
        who = f"{statement.issuer} {statement.subject}" if statement else ""
        began = request.session.get(_BY_HEADER, "")
        if request.user.is_authenticated and who == began:
            return
        if began and who != began:
            logout(request)
        if statement and not request.user.is_authenticated:
            _sign_in(request, row, statement)
            request.session[_BY_HEADER] = who
    except AppError as error:
        log.warning("sign-on by %s: %s %s", row.slug, error.code, error.details.get("reason"))


def _sign_in(request: HttpRequest, row: SignOnProvider, statement: Statement) -> None:
    identity = services.arrive(provider=row, statement=statement)
    told(row, identity.user, statement)
    enter(request, identity, statement)
