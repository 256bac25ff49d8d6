"""A row is moved only between collections that may both be written, by whatever form of write."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Case, Subquery, Value, When

from apps.documents.models import Chunk, Document
from apps.permissions.roles import Role
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection
from tests import factories
from tests.apps.permissions.world import REFUSED, World, stored

docs = Document.objects


@pytest.fixture
def contributor(world: World) -> World:
    """The viewer may now also write to a third collection, and only read the first."""
    inbox = factories.make_collection(world.workspace, "Inbox", is_open=False)
    factories.make_grant(inbox, world.viewer, role=Role.CONTRIBUTOR)
    world.__dict__["inbox"] = inbox
    world.__dict__["d"] = factories.make_document(inbox, "d.txt", is_indexed=False)
    return world


def moved(document: Document, room: Collection) -> Document:
    document.collection = room
    return document


INBOX: dict[str, Callable[[Any], Any]] = {
    "save, out": lambda w: moved(w.a, w.inbox).save(),
    "save, in": lambda w: moved(w.d, w.open_to_viewer).save(),
    "save, in unseen": lambda w: moved(w.d, w.closed).save(),
    "save one field, out": lambda w: moved(w.a, w.inbox).save(update_fields=["collection"]),
    "update, out": lambda w: docs.filter(pk=w.a.pk).update(collection=w.inbox),
    "update by id, out": lambda w: docs.filter(pk=w.a.pk).update(collection_id=w.inbox.pk),
    "update, in": lambda w: docs.filter(pk=w.d.pk).update(collection=w.open_to_viewer),
    "update by id, in": lambda w: docs.filter(pk=w.d.pk).update(collection_id=w.closed.pk),
    "update computed": lambda w: docs.filter(pk=w.d.pk).update(
        collection=Case(When(pk=w.d.pk, then=Value(w.closed.pk)))
    ),
    "update from a subquery": lambda w: docs.filter(pk=w.d.pk).update(
        collection=Subquery(docs.filter(pk=w.a.pk).values("collection")[:1])
    ),
    "bulk update, out": lambda w: docs.bulk_update([moved(w.a, w.inbox)], ["collection"]),
    "bulk update, in": lambda w: docs.bulk_update([moved(w.d, w.closed)], ["collection"]),
    "reverse add, out": lambda w: w.inbox.documents.add(w.a),
    "reverse add one by one, out": lambda w: w.inbox.documents.add(w.a, bulk=False),
    "reverse add, in": lambda w: w.open_to_viewer.documents.add(w.d),
    "reverse set, out": lambda w: w.inbox.documents.set([w.a, w.d]),
    "update_or_create, out": lambda w: docs.update_or_create(
        pk=w.a.pk, defaults={"collection": w.inbox}
    ),
    "forced update under another's key": lambda w: Document(
        pk=w.a.pk, collection=w.inbox, name="stolen.txt"
    ).save(force_update=True),
    "forced update of the unseen": lambda w: Document(
        pk=w.b.pk, collection=w.inbox, name="stolen.txt"
    ).save(force_update=True),
    "a new row under a stored key": lambda w: Chunk(
        id=_first_chunk(w.a),
        collection=w.inbox,
        document=w.d,
        version_id=w.d.current_id,
        ordinal=0,
        text="stolen",
    ).save(),
    "a row that says it is stored": lambda w: _pretending(w).save(),
}


def _first_chunk(document: Document) -> Any:
    with system_scope("test: somebody guessed the key"):
        return Chunk.objects.filter(document=document).values_list("pk", flat=True)[0]


def _pretending(world: Any) -> Document:
    row = Document(pk=world.b.pk, collection=world.inbox, name="stolen.txt")
    row._state.adding = False
    return row


@pytest.mark.parametrize("name", INBOX)
def test_a_row_is_moved_only_between_collections_that_may_both_be_written(
    name: str, contributor: World
) -> None:
    before = stored()
    with contributor.as_("viewer"):
        try:
            with transaction.atomic():
                INBOX[name](contributor)
        except REFUSED:
            pass
    assert stored() == before


def test_the_owner_may_move_a_document(contributor: World) -> None:
    with contributor.as_("owner"):
        moved(contributor.a, contributor.__dict__["inbox"]).save()
        assert docs.get(pk=contributor.a.pk).collection == contributor.__dict__["inbox"]
