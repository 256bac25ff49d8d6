"""What happened in a place is known after the place is gone, to those who answer for it."""

import pytest

from apps.accounts.models import User
from apps.events import services
from apps.events.models import Event
from apps.permissions.roles import Role
from apps.permissions.scope import entered, system_scope
from apps.workspaces import services as workspaces
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.scopes import scope_of
from tests import factories
from tests.apps.events.test_events import As, kinds
from tests.apps.webhooks.conftest import Listener, listener
from tests.apps.webhooks.test_webhooks import run

__all__ = ["listener"]


@pytest.fixture
def hidden(workspace: Workspace) -> Collection:
    place = factories.make_collection(workspace, "Board", is_open=False, is_listed=False)
    with system_scope("test: something happens"):
        services.record("collection.created", place, collection_id=place.pk, name="Board")
        services.record("document.added", collection_id=place.pk, name="Secret plan.pdf")
    return place


def test_managers_keep_the_history_of_a_deleted_collection_and_members_see_none_of_it(
    alice: User, bob: User, carol: User, admin: User, hidden: Collection, as_: As
) -> None:
    history = {"collection.created", "document.added", "collection.deleted"}
    with as_(alice):
        workspaces.delete_collection(collection=hidden)
        assert history <= kinds()
    with as_(admin):
        assert history <= kinds()
    for other in (bob, carol):
        with as_(other):
            assert not history & kinds()


def test_administrators_keep_the_history_of_a_deleted_workspace_and_others_see_none_of_it(
    alice: User, bob: User, carol: User, admin: User, hidden: Collection, as_: As
) -> None:
    Event.objects.update(actor=None)
    with system_scope("test: a workspace is deleted"):
        workspaces.delete_workspace(workspace=hidden.workspace)
    with as_(admin):
        assert {"collection.created", "document.added", "workspace.deleted"} <= kinds()
    for other in (alice, bob, carol):
        with as_(other):
            assert not {"collection.created", "document.added"} & kinds()


def test_the_deletion_of_a_collection_is_told_to_who_manages_its_workspace(
    alice: User, admin: User, hidden: Collection, listener: Listener
) -> None:
    factories.make_member(hidden.workspace, admin, role=Role.MANAGER)
    factories.make_webhook(admin, url=listener.url, kinds=["collection.deleted"])
    with entered(scope_of(alice)):
        gone = hidden.pk
        workspaces.delete_collection(collection=hidden)
    assert run() == 1
    ((_headers, body),) = listener.came
    assert str(gone) in body.decode()
    assert "Board" not in body.decode()
