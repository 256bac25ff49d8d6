"""Who is asking and what they may reach, enforced inside every query.

A ``Scope`` is resolved once per request, socket frame or job and entered with ``entered()``; the
clauses in ``apps.permissions.models`` read it when SQL is *compiled*.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from uuid import UUID

from apps.permissions.roles import Permission
from apps.rag.ports import Reach


class ScopeMissing(RuntimeError):
    """A scoped query ran outside any scope: a programming error, never a user's."""


class ScopeDenied(Exception):
    """The row is visible, but this actor may not do that to it (403)."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(permission.value)
        self.permission = permission


@dataclass(frozen=True, slots=True)
class Scope:
    """What one actor may reach, resolved once per request, frame or job.

    ``workspaces`` maps each workspace that the actor may use to the permissions held there;
    ``readable`` and ``writable`` are collection ids. ``via_key`` is the API key used, if any, and
    ``application_id`` the application that it belongs to; the actor is then the application's own
    account, or the employee in ``on_behalf_of`` whom it asks for.
    ``is_unattended``: a program of ours acts for the actor, and nobody waits for it.
    """

    actor_id: UUID | None
    permissions: frozenset[Permission] = frozenset()
    workspaces: Mapping[UUID, frozenset[Permission]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    readable: frozenset[UUID] = frozenset()
    writable: frozenset[UUID] = frozenset()
    system_reason: str = ""
    is_unattended: bool = False
    via_key: UUID | None = None
    application_id: UUID | None = None
    on_behalf_of: UUID | None = None

    def __deepcopy__(self, _memo: object) -> "Scope":
        """Immutable, so a copy of a queryset shares it."""
        return self

    @property
    def is_system(self) -> bool:
        return bool(self.system_reason)

    def allows(self, permission: Permission, workspace_id: UUID | None = None) -> bool:
        """Whether the actor holds ``permission``, in that workspace or in the installation."""
        if self.is_system:
            return True
        if permission in self.permissions:
            return True
        return workspace_id is not None and permission in self.workspaces.get(
            workspace_id, frozenset()
        )

    def require(self, permission: Permission, workspace_id: UUID | None = None) -> None:
        """Raise ScopeDenied unless ``allows``."""
        if not self.allows(permission, workspace_id):
            raise ScopeDenied(permission)

    def may_write(self, collection_id: UUID) -> bool:
        return self.is_system or collection_id in self.writable

    def require_write(self, collection_id: UUID) -> None:
        """Raise ScopeDenied unless documents may be added to this collection."""
        if not self.may_write(collection_id):
            raise ScopeDenied(Permission.DOCUMENT_WRITE)

    def reach(self, wanted: Collection[UUID] | None = None) -> Reach:
        """The only maker of a Reach: readable ∩ wanted (None: all that is readable).

        A system scope reaches nothing: searching is always done for somebody.
        """
        ids = self.readable if wanted is None else self.readable & frozenset(wanted)
        return Reach(frozenset(str(pk) for pk in ids))

    def acting(self) -> dict[str, str]:
        """Through what the actor came, for traces: key, application, on behalf of whom. Empty for
        a person with a browser."""
        through = {
            "key": self.via_key,
            "application": self.application_id,
            "on_behalf_of": self.on_behalf_of,
        }
        return {name: str(pk) for name, pk in through.items() if pk is not None}

    def narrowed(self, collection_ids: Collection[UUID]) -> "Scope":
        """The same actor kept to some collections."""
        kept = frozenset(collection_ids)
        return replace(self, readable=self.readable & kept, writable=self.writable & kept)


NOBODY = Scope(actor_id=None)
_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current_scope() -> Scope:
    """The scope that was entered; raises ScopeMissing outside any."""
    scope = _current.get()
    if scope is None:
        msg = "a scoped query ran outside any scope: enter one with entered(scope_of(user))"
        raise ScopeMissing(msg)
    return scope


@contextmanager
def entered(scope: Scope) -> Iterator[Scope]:
    """Run the block as this scope. Context variables travel into tasks and in_thread()."""
    token = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(token)


@contextmanager
def system_scope(reason: str) -> Iterator[Scope]:
    """Run the block beyond all scopes. Every call is on the approved list of a guard test."""
    if not reason.strip():
        msg = "system_scope wants a reason"
        raise ValueError(msg)
    with entered(Scope(actor_id=None, system_reason=reason)) as scope:
        yield scope
