"""Three collections and the people around them: what every form of query is asked over.

``a.txt`` is in a collection that the viewer may read, ``b.txt`` in one that only the owner may, and
``c.txt`` in the stranger's own workspace.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from django.db import DatabaseError

from apps.accounts.models import User
from apps.documents.models import Chunk, Document
from apps.permissions import scope as scopes
from apps.permissions.scope import Scope, ScopeDenied, entered, system_scope
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.scopes import scope_of
from tests import factories

SEEN = {"owner": {"a.txt", "b.txt"}, "viewer": {"a.txt"}, "stranger": {"c.txt"}}
ACTORS = tuple(SEEN)


@dataclass(frozen=True)
class World:
    """Every row that a form of query may be tried on."""

    owner: User
    viewer: User
    stranger: User
    workspace: Workspace
    open_to_viewer: Collection
    closed: Collection
    elsewhere: Collection
    a: Document
    b: Document
    c: Document

    def scope(self, actor: str) -> Scope:
        return scope_of(getattr(self, actor))

    def as_(self, actor: str) -> AbstractContextManager[Scope]:
        return entered(self.scope(actor))


def make_world() -> World:
    owner, viewer, stranger = (factories.make_user(name) for name in ACTORS)
    workspace = factories.make_workspace("Procurement", manager=owner)
    open_to_viewer = factories.make_collection(workspace, "Contracts", is_open=False)
    closed = factories.make_collection(workspace, "Board papers", is_open=False)
    factories.make_grant(open_to_viewer, viewer)
    other = factories.make_workspace("Elsewhere", manager=stranger)
    elsewhere = factories.make_collection(other, "Elsewhere's own")
    return World(
        owner=owner,
        viewer=viewer,
        stranger=stranger,
        workspace=workspace,
        open_to_viewer=open_to_viewer,
        closed=closed,
        elsewhere=elsewhere,
        a=factories.make_document(open_to_viewer, "a.txt", is_indexed=False),
        b=factories.make_document(closed, "b.txt", is_indexed=False),
        c=factories.make_document(elsewhere, "c.txt", is_indexed=False),
    )


@contextmanager
def no_scope() -> Iterator[None]:
    """As code runs that has entered none."""
    token = scopes._current.set(None)
    try:
        yield
    finally:
        scopes._current.reset(token)


def stored() -> dict[str, object]:
    """Everything that a write could have changed."""
    with system_scope("test: look at what is stored"):
        fields = ("id", "collection_id", "name", "external_id", "deleted_at")
        return {
            "documents": sorted(Document.with_deleted.values_list(*fields), key=str),
            "chunks": sorted(Chunk.objects.values_list("id", "collection_id", "text"), key=str),
        }


REFUSED = (ScopeDenied, Document.DoesNotExist, IndexError, DatabaseError)
