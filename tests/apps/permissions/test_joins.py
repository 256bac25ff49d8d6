"""A join that arrives at a guarded table brings the clause along, wherever the query started: at a
person, a group, a workspace, or a row of another kind."""

import pytest
from django.db.models import Count, Exists, F, OuterRef, Q

from apps.accounts.models import Group, User
from apps.chat.models import Conversation, Turn
from apps.documents.models import Chunk, Document
from apps.permissions.scope import ScopeMissing, system_scope
from apps.workspaces.models import Collection, CollectionGrant, Member, Workspace
from tests import factories
from tests.apps.permissions.world import World, no_scope


@pytest.fixture
def secrets(world: World) -> World:
    """The owner has asked something; the owner and a group hold grants on the closed collection."""
    conversation = factories.make_conversation(
        world.owner, workspace=world.workspace, title="secret"
    )
    factories.make_turn(conversation, "secret question", sources=[world.b])
    factories.make_grant(world.closed, factories.make_group("Board", world.owner))
    factories.make_grant(world.closed, world.owner)
    return world


FROM_PEOPLE = {
    "values": lambda: User.objects.values_list("conversations__title", flat=True),
    "values of a turn": lambda: User.objects.values_list(
        "conversations__turns__question", flat=True
    ),
    "filter": lambda: User.objects.filter(conversations__title="secret").values_list("name"),
    "filter deeper": lambda: User.objects.filter(
        conversations__turns__question__contains="secret"
    ).values_list("name"),
    "annotate": lambda: User.objects.annotate(title=F("conversations__title")).values_list("title"),
    "order": lambda: User.objects.filter(conversations__isnull=False).order_by(
        "conversations__title"
    ),
    "count": lambda: User.objects.annotate(n=Count("conversations")).filter(n__gt=0),
    "aggregate": lambda: range(User.objects.aggregate(n=Count("conversations__turns"))["n"]),
    "exclude": lambda: User.objects.exclude(conversations__isnull=True),
    "not": lambda: User.objects.filter(~Q(conversations=None)),
    "exists": lambda: User.objects.filter(
        Exists(Conversation.objects.filter(owner=OuterRef("pk")))
    ),
    "grants": lambda: User.objects.filter(grants__collection__name="Board papers"),
    "members": lambda: User.objects.filter(memberships__workspace__name="Procurement"),
    "group grants": lambda: Group.objects.filter(grants__collection__name="Board papers"),
    "group values": lambda: [
        name
        for name in Group.objects.values_list("grants__collection__name", flat=True)
        if name is not None
    ],
    "through m2m": lambda: Group.objects.filter(members__conversations__title="secret"),
    "keys": lambda: User.objects.filter(api_keys__name="test"),
}


@pytest.mark.parametrize("name", FROM_PEOPLE)
def test_people_lead_a_stranger_to_nothing_of_somebody_elses(name: str, secrets: World) -> None:
    factories.make_api_key(secrets.owner)
    with secrets.as_("stranger"):
        found = [row for row in FROM_PEOPLE[name]() if row not in {None, (None,)}]
    assert found == []


@pytest.mark.parametrize("name", FROM_PEOPLE)
def test_people_lead_nowhere_outside_any_scope(name: str, secrets: World) -> None:
    with no_scope(), pytest.raises(ScopeMissing):
        list(FROM_PEOPLE[name]())


@pytest.mark.parametrize("name", FROM_PEOPLE)
def test_the_same_joins_find_something_for_the_system(name: str, secrets: World) -> None:
    """Or the two tests above would hold for a query that finds nothing at all."""
    factories.make_api_key(secrets.owner)
    with system_scope("test: joins"):
        assert [row for row in FROM_PEOPLE[name]() if row not in {None, (None,)}]


def test_a_left_join_that_finds_nothing_still_returns_its_left_side(secrets: World) -> None:
    with secrets.as_("stranger"):
        counts = dict(User.objects.annotate(n=Count("conversations")).values_list("name", "n"))
    assert counts == {"owner": 0, "viewer": 0, "stranger": 0}


def test_a_workspace_counts_and_names_only_the_collections_that_may_be_read(world: World) -> None:
    """A viewer of one collection may use the workspace, and must not learn of the other one."""
    with world.as_("viewer"):
        rows = Workspace.objects.annotate(
            rooms=Count("collections", distinct=True), size=Count("collections__documents")
        )
        assert list(rows.values_list("rooms", "size")) == [(1, 1)]
        named = Workspace.objects.values_list("collections__name", "collections__documents__name")
        assert list(named) == [("Contracts", "a.txt")]
        assert not Workspace.objects.filter(collections__name="Board papers").exists()
        assert not Workspace.objects.filter(collections__documents__name="b.txt").exists()
        assert Workspace.objects.exclude(collections__name="Board papers").exists()
        rooms = Workspace.objects.prefetch_related("collections__documents")
        assert [one.name for row in rooms for one in row.collections.all()] == ["Contracts"]


def test_a_row_of_ones_own_does_not_lead_to_a_workspace_that_was_left(world: World) -> None:
    """A conversation outlives the grant: its workspace is then nothing."""
    factories.make_conversation(world.viewer, workspace=world.workspace)
    with system_scope("test: revoke"):
        CollectionGrant.objects.all().delete()
    with world.as_("viewer"):
        (row,) = Conversation.objects.select_related("workspace")
        assert row.workspace is None
        assert list(Conversation.objects.values_list("workspace__name", flat=True)) == [None]
        assert not Conversation.objects.filter(workspace__name="Procurement").exists()


def test_a_turn_is_reached_through_ones_own_conversation_only(secrets: World) -> None:
    mine = factories.make_conversation(secrets.viewer, title="mine")
    factories.make_turn(mine, "my question")
    with secrets.as_("viewer"):
        assert list(Conversation.objects.values_list("turns__question", flat=True)) == [
            "my question"
        ]
        assert list(Turn.objects.values_list("conversation__title", flat=True)) == ["mine"]


def test_members_are_read_by_those_who_use_the_workspace(world: World) -> None:
    with world.as_("viewer"):
        assert set(Member.objects.values_list("user__name", flat=True)) == {"owner"}
    with world.as_("stranger"):
        assert set(Member.objects.values_list("user__name", flat=True)) == {"stranger"}


def test_an_excluding_subquery_cannot_be_used_as_an_oracle(world: World) -> None:
    """exclude() over many rows turns into a subquery that starts at the guarded table."""
    with world.as_("viewer"):
        with_b = Workspace.objects.exclude(collections__documents__name="b.txt")
        assert [row.name for row in with_b] == ["Procurement"]
        people = User.objects.exclude(grants__collection__name="Board papers")
        assert people.count() == User.objects.count()


def test_chunks_of_a_document_are_joined_within_the_scope(world: World) -> None:
    with world.as_("viewer"):
        assert set(Chunk.objects.values_list("document__name", flat=True)) == {"a.txt"}
        rows = Collection.objects.filter(documents__versions__chunks__text__contains="notice")
        assert [row.name for row in rows.distinct()] == ["Contracts"]
        assert Document.objects.filter(collection__workspace=world.workspace).count() == 1
