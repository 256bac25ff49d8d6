"""Every form that a write can take: as somebody who may only read, as a stranger, with no scope
nothing changes; as the owner it works. What counts is what is stored afterwards."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction
from django.db.models import F

from apps.chat.models import Conversation
from apps.documents.models import Chunk, Document
from apps.permissions.models import GuardedModel
from apps.permissions.roles import Role
from apps.permissions.scope import ScopeDenied, ScopeMissing, system_scope
from apps.workspaces.models import Collection, CollectionGrant, Member, Workspace
from tests import factories
from tests.apps.permissions.world import REFUSED, World, no_scope, stored

Write = Callable[[World], Any]
WRITES: dict[str, Write] = {}
docs = Document.objects


def write(function: Write) -> Write:
    WRITES[function.__name__] = function
    return function


def new(world: World, **fields: Any) -> Document:
    return Document(**{"collection": world.open_to_viewer, "name": "new.txt", **fields})


@write
def save(world: World) -> None:
    world.a.name = "renamed.txt"
    world.a.save()


@write
def save_one_field(world: World) -> None:
    world.a.name = "renamed.txt"
    world.a.save(update_fields=["name"])


@write
def save_new(world: World) -> None:
    new(world).save()


@write
def create(world: World) -> None:
    docs.create(collection=world.open_to_viewer, name="new.txt")


@write
def create_backwards(world: World) -> None:
    world.open_to_viewer.documents.create(name="new.txt")


@write
def get_or_create(world: World) -> None:
    docs.get_or_create(collection=world.open_to_viewer, name="new.txt")


@write
def update_or_create_new(world: World) -> None:
    docs.update_or_create(collection=world.open_to_viewer, name="new.txt")


@write
def update_or_create_stored(world: World) -> None:
    docs.update_or_create(pk=world.a.pk, defaults={"name": "renamed.txt"})


@write
def bulk_create(world: World) -> None:
    docs.bulk_create([new(world)])


@write
def bulk_create_ignoring(world: World) -> None:
    docs.bulk_create([new(world)], ignore_conflicts=True)


@write
def bulk_update(world: World) -> None:
    world.a.name = "renamed.txt"
    docs.bulk_update([world.a], ["name"])


@write
def update(world: World) -> None:
    docs.filter(pk=world.a.pk).update(name="renamed.txt")


@write
def update_computed(world: World) -> None:
    docs.filter(pk=world.a.pk).update(external_id=F("name"))


@write
def update_backwards(world: World) -> None:
    world.open_to_viewer.documents.update(name="renamed.txt")


@write
def add_backwards(world: World) -> None:
    world.open_to_viewer.documents.add(new(world), bulk=False)


@write
def delete(world: World) -> None:
    Document.objects.filter(pk=world.a.pk)[0].delete()


@write
def delete_in_hand(world: World) -> None:
    world.a.delete()


@write
def delete_many(world: World) -> None:
    docs.filter(pk=world.a.pk).delete()


@write
def delete_backwards(world: World) -> None:
    world.open_to_viewer.documents.all().delete()


@write
def update_of_base_manager(world: World) -> None:
    Document._base_manager.filter(pk=world.a.pk).update(name="renamed.txt")


@write
def update_of_children(world: World) -> None:
    Chunk.objects.filter(document=world.a).update(text="changed")


@write
def upsert_by_primary_key(world: World) -> None:
    chunk = Chunk._base_manager.filter(document=world.a).first() or Chunk(id=uuid4())
    Chunk(
        id=chunk.pk,
        collection=world.open_to_viewer,
        document_id=world.a.pk,
        version_id=world.a.current_id,
        ordinal=0,
        text="changed",
    ).save()


# What nobody but the system may do, because a check of each row would be no check.
SYSTEM_ONLY: dict[str, Write] = {
    "raw delete": lambda world: docs.filter(pk=world.a.pk)._raw_delete("default"),
    "upsert": lambda world: docs.bulk_create(
        [new(world, pk=world.a.pk)],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["name"],
    ),
}


@pytest.mark.parametrize("actor", ["viewer", "stranger"])
@pytest.mark.parametrize("name", WRITES)
def test_a_write_changes_nothing_for_whoever_may_not(name: str, actor: str, world: World) -> None:
    before = stored()
    with world.as_(actor):
        try:
            with transaction.atomic():
                WRITES[name](world)
        except REFUSED:
            pass
    assert stored() == before


@pytest.mark.parametrize("name", WRITES)
def test_a_write_outside_any_scope_is_a_programming_error(name: str, world: World) -> None:
    before = stored()
    with no_scope(), pytest.raises(ScopeMissing), transaction.atomic():
        WRITES[name](world)
    assert stored() == before


@pytest.mark.parametrize("name", WRITES)
def test_the_same_write_works_for_the_owner(name: str, world: World) -> None:
    """Or the tests above would hold for writes that never do anything."""
    before = stored()
    with world.as_("owner"):
        WRITES[name](world)
    assert stored() != before


@pytest.mark.parametrize("actor", ["owner", "viewer", "stranger"])
@pytest.mark.parametrize("name", SYSTEM_ONLY)
def test_writes_around_the_checks_are_for_the_system(name: str, actor: str, world: World) -> None:
    before = stored()
    with world.as_(actor), pytest.raises(ScopeDenied):
        SYSTEM_ONLY[name](world)
    assert stored() == before


# --- cascades -------------------------------------------------------------------------------------
def test_a_cascade_takes_children_along_that_the_actor_cannot_see(world: World) -> None:
    """A workspace holds conversations of other people; its manager may delete it all the same."""
    conversation = factories.make_conversation(world.viewer, workspace=world.workspace)
    factories.make_turn(conversation, sources=[world.a])
    with world.as_("owner"):
        Workspace.objects.get(pk=world.workspace.pk).delete()
    with system_scope("test: look"):
        assert not Conversation.objects.exists()
        assert not Collection.objects.filter(workspace_id=world.workspace.pk).exists()
        assert set(Document.with_deleted.values_list("name", flat=True)) == {"c.txt"}


def test_a_cascade_of_many_is_the_same(world: World) -> None:
    factories.make_conversation(world.viewer, workspace=world.workspace)
    with world.as_("owner"):
        count, _by_model = Workspace.objects.all().delete()
    assert count > 1
    with system_scope("test: look"):
        assert [row.name for row in Workspace.objects.all()] == ["Elsewhere"]


def test_deleting_a_person_takes_their_rows_along(world: World) -> None:
    factories.make_conversation(world.viewer)
    with system_scope("test: delete a person"):
        world.viewer.delete()
        assert not Conversation.objects.exists()


# --- the other kinds ------------------------------------------------------------------------------
def test_only_managers_change_rows_of_a_workspace(world: World) -> None:
    def attempts() -> None:
        Workspace.objects.filter(pk=world.workspace.pk).update(name="taken")
        Collection.objects.filter(pk=world.open_to_viewer.pk).update(is_open=True)
        Member.objects.all().update(role=Role.MANAGER)
        CollectionGrant.objects.all().delete()

    before = workspace_rows()
    with world.as_("viewer"):
        attempts()
        for refused in (
            world.workspace.save,
            world.open_to_viewer.save,
            lambda: Member(workspace=world.workspace, user=world.viewer).save(),
            lambda: Collection(workspace=world.workspace, name="mine").save(),
            lambda: CollectionGrant(
                collection=world.closed, workspace=world.workspace, user=world.viewer
            ).save(),
        ):
            with pytest.raises(ScopeDenied):
                refused()
    assert workspace_rows() == before
    with world.as_("owner"):
        attempts()
    assert workspace_rows() != before


def test_a_manager_of_one_workspace_changes_nothing_of_another(world: World) -> None:
    with world.as_("stranger"):
        for refused in (
            lambda: Member(workspace=world.workspace, user=world.stranger).save(),
            lambda: Collection(workspace=world.workspace, name="mine").save(),
            lambda: Member.objects.update(workspace=world.workspace),
            lambda: CollectionGrant(
                collection=world.closed, workspace=world.workspace, user=world.stranger
            ).save(),
        ):
            with pytest.raises(ScopeDenied):
                refused()


def test_a_grant_cannot_name_a_collection_of_another_workspace(world: World) -> None:
    """Grants are written by managers of their workspace: the collection has to lie in it."""
    stored_grant = factories.make_grant(world.elsewhere, factories.make_user("friend"))
    with world.as_("stranger"):
        ours = Workspace.objects.get()
        crooked = CollectionGrant(collection=world.closed, workspace=ours, user=world.stranger)
        for refused in (
            crooked.save,
            lambda: CollectionGrant.objects.bulk_create([crooked]),
            lambda: CollectionGrant.objects.update(collection=world.closed),
            lambda: CollectionGrant.objects.update(collection_id=world.closed.pk),
            lambda: world.closed.grants.add(stored_grant),
            lambda: world.closed.grants.create(workspace=ours, user=world.stranger),
        ):
            with pytest.raises(ScopeDenied):
                refused()
        assert CollectionGrant.objects.count() == 1


def test_rows_of_a_person_are_that_persons(world: World) -> None:
    conversation = factories.make_conversation(world.owner, title="mine")
    with world.as_("viewer"):
        assert not Conversation.objects.exists()
        assert Conversation.objects.filter(pk=conversation.pk).update(title="taken") == 0
        assert Conversation.objects.filter(pk=conversation.pk).delete()[0] == 0
        with pytest.raises(ScopeDenied):
            Conversation(owner=world.owner, title="planted").save()
        with (
            pytest.raises(DatabaseError),
            transaction.atomic(),
        ):  # it updates no row, for it sees none
            Conversation(pk=conversation.pk, owner=world.viewer).save(force_update=True)
    with world.as_("owner"):
        assert Conversation.objects.get().title == "mine"


def workspace_rows() -> list[object]:
    models: tuple[type[GuardedModel], ...] = (Workspace, Collection, Member, CollectionGrant)
    with system_scope("test: look"):
        return [
            sorted(
                (
                    tuple(v for k, v in row.items() if k != "updated_at")
                    for row in m.objects.values()
                ),
                key=str,
            )
            for m in models
        ]
