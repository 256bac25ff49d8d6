"""What an application may do for somebody: application ∩ employee."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from uuid import UUID

from apps.accounts.models import User
from apps.applications.models import Acts, Application, ApplicationKey, Reach
from apps.permissions.roles import APPLICATION_GRANTS, ApplicationScope, Permission
from apps.permissions.scope import NOBODY, Scope
from apps.workspaces.scopes import scope_of


def effective_scope(key: ApplicationKey, person: User | None) -> Scope:
    """What the application of ``key`` may do, for ``person`` or (None) for itself: NOBODY where it
    may not act like that. The actor, whose rows are read and written, is that person or the
    application's own account."""
    application = key.application
    forbidden = Acts.PEOPLE if person is None else Acts.SERVICE
    if application.acts == forbidden:
        return NOBODY
    account = application.sandbox_account if key.is_sandbox else application.account
    scope = scope_of(account if person is None else person)
    # A sandbox key reaches the sandbox, whoever is asked for.
    if person is not None and (key.is_sandbox or application.reach == Reach.GRANTED):
        scope = _shared(scope, scope_of(account))
    if scope.actor_id is None:
        return NOBODY
    granted = permissions_of(application.scopes)
    return replace(
        _kept_to(scope, granted, is_for_itself=person is None and not key.is_sandbox),
        via_key=key.pk,
        application_id=application.pk,
        on_behalf_of=None if person is None else person.pk,
    )


def own_scope(application: Application) -> Scope:
    """What an application was granted itself, whomever it asks for otherwise."""
    if not application.is_active:
        return NOBODY
    granted = permissions_of(application.scopes)
    scope = _kept_to(scope_of(application.account), granted, is_for_itself=True)
    return scope if scope.actor_id is None else replace(scope, application_id=application.pk)


def permissions_of(scopes: list[str]) -> frozenset[Permission]:
    """What these scopes add up to. One that is not known any more grants nothing."""
    known = [ApplicationScope(name) for name in scopes if name in ApplicationScope.values]
    return frozenset[Permission]().union(*(APPLICATION_GRANTS[scope] for scope in known))


def _shared(person: Scope, application: Scope) -> Scope:
    """Of the person's scope what the application's account holds too."""
    rooms: Mapping[UUID, frozenset[Permission]] = {
        pk: held & application.workspaces[pk]
        for pk, held in person.workspaces.items()
        if pk in application.workspaces
    }
    return replace(
        person,
        workspaces=MappingProxyType(dict(rooms)),
        readable=person.readable & application.readable,
        writable=person.writable & application.writable,
    )


def _kept_to(scope: Scope, granted: frozenset[Permission], *, is_for_itself: bool) -> Scope:
    """In workspaces only what is granted. Nothing of the installation, whoever is asked for, but its
    events: for itself where an administrator let it, for a person who may read them."""
    audits = granted & {Permission.AUDIT, Permission.WEBHOOKS}
    rooms = {pk: held & granted for pk, held in scope.workspaces.items()}
    return replace(
        scope,
        permissions=audits if is_for_itself else audits & scope.permissions,
        workspaces=MappingProxyType({pk: held for pk, held in rooms.items() if held}),
        readable=scope.readable if Permission.DOCUMENT_READ in granted else frozenset(),
        writable=scope.writable if Permission.DOCUMENT_WRITE in granted else frozenset(),
    )
