"""From a person (and the key they came with) to a Scope. A few queries, however much one may."""

from dataclasses import replace
from types import MappingProxyType

from django.contrib.auth.models import AnonymousUser

from apps.accounts.models import ApiKey, User
from apps.permissions.roles import KEY_GRANTS, KeyScope, Permission
from apps.permissions.scope import NOBODY, Scope, system_scope
from apps.workspaces.rights.facts import facts_of, folded


def scope_of(user: User | AnonymousUser, *, key: ApiKey | None = None) -> Scope:
    """What this person may reach now; with ``key``, no more than the key is for."""
    if not isinstance(user, User) or not user.is_active:
        return NOBODY
    with system_scope("sign-in: what this person may reach"):
        scope = folded(facts_of(user))
    return scope if key is None else kept_to(scope, key)


def kept_to(scope: Scope, key: ApiKey) -> Scope:
    """Never more than the owner may do, and of that only what the key is for."""
    granted = KEY_GRANTS[KeyScope(key.scope)]
    workspaces = {pk: held & granted for pk, held in scope.workspaces.items()}
    return replace(
        scope,
        permissions=scope.permissions & granted,
        workspaces=MappingProxyType(workspaces),
        readable=scope.readable if Permission.DOCUMENT_READ in granted else frozenset(),
        writable=scope.writable if Permission.DOCUMENT_WRITE in granted else frozenset(),
        via_key=key.pk,
    )
