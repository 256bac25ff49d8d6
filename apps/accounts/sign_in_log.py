"""Sign-ins as events: who came in and by what way, who did not, who was locked out, who left.

What strangers can cause is rate-limited, so that nobody can bury what matters, or fill the disk.
What was typed as a name is written down only when it is an account's: it may be a password.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest

from apps.accounts import throttle
from apps.accounts.models import User
from apps.core import limits
from apps.core.origin import came_from
from apps.events import services as events
from apps.permissions.scope import NOBODY, Scope, entered

# Of one address so many failures are listed, and of all together. Ten lock a person out there.
OF_ONE_ADDRESS = "30/10 minutes"
OF_ALL = "2000/hour"
# A person can be locked out from every address anew.
LOCKS_OF_ONE_PERSON = "10/hour"
_DIRECTORY = "apps.directory.backends.DirectoryBackend"


def way_of(backend: str) -> str:
    """Where a password was checked, from the backend that let somebody in."""
    return "directory" if backend == _DIRECTORY else "password"


def signed_in(
    request: HttpRequest, user: User, *, way: str, second: str = "", provider: str = ""
) -> None:
    """A session began. ``way``: password, directory, passkey, link or provider."""
    with _as(request, Scope(actor_id=user.pk)):
        events.record("sign_in.done", user, way=way, second_factor=second, provider=provider)


def signed_out(request: HttpRequest) -> None:
    """To be called while it is still known who leaves."""
    if isinstance(request.user, User):
        events.record("sign_in.left", request.user)


def provider_failed(request: HttpRequest, *, provider: str, code: str) -> None:
    """What a sign-on provider sent let nobody in."""
    _list(request, None, provider=provider, code=code)


def _failed(request: HttpRequest | None, credentials: dict[str, str], **_kwargs: object) -> None:
    """Hears of every wrong password, code and passkey."""
    if request is None:
        return
    match = request.resolver_match
    _list(request, throttle.who(request, credentials), at=match.url_name if match else "")


def _list(request: HttpRequest, who: str | None, **data: Any) -> None:
    address = throttle.address_of(request) or ""
    allowance = limits.hit(OF_ONE_ADDRESS, "listed failures", address)
    if allowance is not None and not allowance.is_allowed:
        return
    if not _may(OF_ALL, "listed failures"):
        return
    user = _account(who)
    with _as(request):
        events.record("sign_in.failed", user, email=user.email if user else "", **data)
        if allowance is not None and allowance.remaining == 0:
            events.record("sign_in.flood")


def _locked(request: HttpRequest, username: str, **_kwargs: object) -> None:
    """Axes tells it with the failure that was one too many."""
    user = _account(username)
    if user is None:
        return
    who = ("listed locks", str(user.pk))
    if _may(OF_ALL, "listed failures") and _may(LOCKS_OF_ONE_PERSON, *who):
        with _as(request):
            events.record("sign_in.locked", user, email=user.email)


def _may(rate: str, *who: str) -> bool:
    """Whether one more may be listed; counts it."""
    allowance = limits.hit(rate, *who)
    return allowance is None or allowance.is_allowed


def _account(who: str | None) -> User | None:
    """The person whose failures are counted under ``who``; None for a name that nobody has."""
    try:
        return User.objects.filter(pk=UUID(who or "")).first()
    except ValueError:
        return None


@contextmanager
def _as(request: HttpRequest, scope: Scope = NOBODY) -> Iterator[None]:
    """Sign-in happens before there is a scope, and by a proxy's header before there is an address."""
    with came_from(throttle.address_of(request) or ""), entered(scope):
        yield


user_login_failed.connect(_failed, dispatch_uid="accounts.sign_in_log")
user_locked_out.connect(_locked, dispatch_uid="accounts.sign_in_log")
