"""How a key of an application speaks, on HTTP, on sockets and in what runs on after a request."""

import hashlib
import ipaddress
from dataclasses import replace
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.applications import assertions
from apps.applications.models import Acts, Application, ApplicationKey
from apps.applications.rights import effective_scope
from apps.core import limits
from apps.core.errors import AppError, ErrorCode
from apps.core.origin import known_address
from apps.permissions.scope import NOBODY, Scope
from apps.workspaces.resolvers import ON_BEHALF_OF, Call, Caller

PREFIX = "fna_"
# A key in use writes its time and address at most this often.
_USED_EVERY = timedelta(minutes=1)


def digest(plain: str) -> str:
    """How keys are stored: they are random and long, so a plain hash is enough."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def valid_keys() -> Q:
    """Keys that work now."""
    now = timezone.now()
    lasts = Q(expires_at=None) | Q(expires_at__gt=now)
    return lasts & Q(revoked_at=None, application__is_active=True)


class ApplicationKeys:
    """The resolver of keys that begin with ``fna_``."""

    prefix = PREFIX

    def resolve(self, call: Call) -> Caller | None:
        key = _rows().filter(key_sha256=digest(call.key)).first()
        if key is None:
            return None
        _require_address(key.application, call.address)
        allowance = limits.hit(f"{key.requests_per_minute}/minute", "application-key", str(key.pk))
        account = key.application.sandbox_account if key.is_sandbox else key.application.account
        caller = Caller(account, key, NOBODY, allowance)
        if allowance is not None and not allowance.is_allowed:
            return caller
        person = _asked_for(key.application, call)
        _note_use(key, call.address)
        scope = effective_scope(key, person)
        if scope.actor_id is None:
            return None
        return replace(caller, user=person or account, scope=scope)

    def again(self, scope: Scope) -> Scope | None:
        if scope.application_id is None or scope.via_key is None:
            return None
        key = _rows().filter(pk=scope.via_key).first()
        if key is None:
            return NOBODY
        if scope.on_behalf_of is None:
            return effective_scope(key, None)
        person = User.objects.filter(pk=scope.on_behalf_of, is_active=True).first()
        return NOBODY if person is None else effective_scope(key, person)

    def name_of(self, plain: str) -> str:
        return _name_of(plain)


def _name_of(plain: str) -> str:
    rows = ApplicationKey.objects.select_related("application")
    key = rows.filter(key_sha256=digest(plain)).first()
    return f"{key.name} ({key.application.name})" if key else ""


def _rows() -> QuerySet[ApplicationKey]:
    related = ("application__account", "application__sandbox_account")
    return ApplicationKey.objects.filter(valid_keys()).select_related(*related)


def _require_address(application: Application, address: str) -> None:
    """An empty list lets every address in; with a list an unknown address is none of it."""
    if not application.networks:
        return
    known = known_address(address)
    if known is None or not any(_is_in(known, network) for network in application.networks):
        raise AppError(ErrorCode.KEY_ADDRESS, status=403)


def _is_in(address: ipaddress.IPv4Address | ipaddress.IPv6Address, network: str) -> bool:
    return address in ipaddress.ip_network(network, strict=False)


def _asked_for(application: Application, call: Call) -> User | None:
    """The employee in the call's statement. A statement is never ignored, and never left out where
    the application asks for people only."""
    token = call.headers.get(ON_BEHALF_OF)
    if token is None:
        if application.acts == Acts.PEOPLE:
            raise AppError(ErrorCode.ASSERTION_REQUIRED, status=401)
        return None
    if application.acts == Acts.SERVICE:
        raise AppError(ErrorCode.ASSERTION_REFUSED, status=401, reason="service_only")
    return assertions.person_of(token.strip(), application, body=call.body)


def _note_use(key: ApplicationKey, address: str) -> None:
    now = timezone.now()
    known = known_address(address)
    where = None if known is None else str(known)
    is_fresh = key.last_used_at is not None and now - key.last_used_at <= _USED_EVERY
    if not is_fresh or key.last_address != where:
        rows = ApplicationKey.objects.filter(pk=key.pk)
        rows.update(last_used_at=now, last_address=where)
