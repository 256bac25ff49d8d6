"""From the key that a request carries to whoever it speaks for.

Each kind of key is a resolver. Higher apps register theirs in ``AppConfig.ready``; a key belongs to
the one whose prefix it begins with, and to no other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from django.utils import timezone

from apps.accounts.models import ApiKey, User
from apps.accounts.services import KEY_PREFIX, user_of_key
from apps.accounts.services import name_of_key as name_of_personal_key
from apps.core.errors import AppError, ErrorCode
from apps.core.limits import Allowance
from apps.permissions.scope import NOBODY, Scope, entered
from apps.workspaces.scopes import scope_of

# An application says with it whom it asks for; what it carries is in docs/integrations.
ON_BEHALF_OF = "X-On-Behalf-Of"


class Key(Protocol):
    """A stored key. ``pk`` is what events and limits know it by."""

    @property
    def pk(self) -> UUID: ...


@dataclass(frozen=True, slots=True)
class Call:
    """What a resolver may look at. ``body`` is read only by who needs it."""

    key: str
    headers: Mapping[str, str]
    address: str
    body: Callable[[], bytes] = bytes


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a key speaks for: ``user`` owns what is made, ``scope`` is what may be reached.
    ``allowance``: what is left of the key's own rate, where it has one."""

    user: User
    key: Key
    scope: Scope
    allowance: Allowance | None = None


class Resolver(Protocol):
    """One kind of key."""

    prefix: str

    def resolve(self, call: Call) -> Caller | None:
        """Who it speaks for; None for a key that is not valid. Raises AppError where the key is
        right and something else about the call is not."""

    def again(self, scope: Scope) -> Scope | None:
        """The scope of the same caller as it is now, NOBODY when the key has ended; None when
        the scope was not made by this resolver."""

    def name_of(self, plain: str) -> str:
        """What people call this key, though it may have ended; empty for one that never was."""


class PersonalKeys:
    """Keys that people make for themselves."""

    prefix = KEY_PREFIX

    def resolve(self, call: Call) -> Caller | None:
        if ON_BEHALF_OF in call.headers:
            # Ignored, it would be answered with the rights of the key's owner.
            raise AppError(ErrorCode.ASSERTION_REFUSED, status=401, reason="not_an_application")
        found = user_of_key(call.key)
        if found is None:
            return None
        user, key = found
        return Caller(user, key, scope_of(user, key=key))

    def again(self, scope: Scope) -> Scope | None:
        if scope.via_key is None or scope.application_id or scope.actor_id is None:
            return None
        valid = ApiKey.objects.filter(pk=scope.via_key, revoked_at=None)
        key = valid.exclude(expires_at__lte=timezone.now()).first()
        user = User.objects.filter(pk=scope.actor_id).first()
        return NOBODY if key is None or user is None else scope_of(user, key=key)

    def name_of(self, plain: str) -> str:
        return name_of_personal_key(plain)


_resolvers: list[Resolver] = [PersonalKeys()]


def register(resolver: Resolver) -> None:
    """Add a kind of key, once."""
    if all(known.prefix != resolver.prefix for known in _resolvers):
        _resolvers.append(resolver)


def carries_key(authorization: str) -> bool:
    """Whether a header holds something that begins like one of our keys, under whatever scheme."""
    _, _, value = authorization.strip().rpartition(" ")
    return value.startswith(tuple(resolver.prefix for resolver in _resolvers))


def caller_of(call: Call) -> Caller | None:
    """Who the key speaks for; None for one that is not valid."""
    for resolver in _resolvers:
        if call.key.startswith(resolver.prefix):
            return resolver.resolve(call)
    return None


def name_of_key(plain: str) -> str:
    """What people call a key that works or did once; empty for any other."""
    for resolver in _resolvers:
        if plain.startswith(resolver.prefix):
            return resolver.name_of(plain)
    return ""


def scope_again(scope: Scope) -> Scope:
    """The scope of the same person, who came with the same key, as it is at this moment."""
    if scope.actor_id is None:
        return NOBODY
    with entered(scope):
        for resolver in _resolvers:
            found = resolver.again(scope)
            if found is not None:
                return found
    if scope.via_key is not None or scope.application_id is not None:
        return NOBODY
    user = User.objects.filter(pk=scope.actor_id).first()
    return NOBODY if user is None else scope_of(user)
