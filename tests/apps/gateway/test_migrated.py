"""An installation from before models: the server in use answers as it did."""

import importlib
from functools import partial

import pytest
from django.apps import apps

from apps.accounts.models import User
from apps.gateway.models import LanguageModel, ModelVersion
from apps.permissions.scope import system_scope
from apps.workspaces.models import Workspace
from tests import factories
from tests.apps.chat.talk import sql, talking
from tests.apps.gateway.conftest import Using
from tests.fake_openai import MODEL, FakeOpenAI

pytestmark = pytest.mark.django_db(transaction=True)
migration = importlib.import_module(
    "apps.gateway.migrations.0002_the_server_in_use_becomes_a_model"
)


def _migrated() -> None:
    with system_scope("test: a migration"):
        migration.register(apps, None)


async def test_the_server_in_use_becomes_a_model_with_one_live_version(
    bob: User, using: Using, first: FakeOpenAI, workspace: Workspace
) -> None:
    await sql(partial(using, first.base_url, max_tokens=77))

    def name_a_model() -> None:
        with system_scope("test: a workspace that names a model"):
            Workspace.objects.filter(pk=workspace.pk).update(model="Qwen/Qwen3-32B")

    await sql(name_a_model)
    async with talking(bob) as talk:
        await talk.ask("What is the notice period?")
        await talk.ask("What is the notice period?", workspace=workspace.slug)
        await sql(_migrated)
        await talk.ask("What is the notice period?")
        await talk.ask("What is the notice period?", workspace=workspace.slug)
    asked = [(request["model"], request["max_tokens"]) for request in first.requests]
    assert asked == [(MODEL, 77), ("Qwen/Qwen3-32B", 77)] * 2
    live = await sql(lambda: set(ModelVersion.objects.values_list("model__name", "state")))
    assert live == {(MODEL, "live"), ("Qwen/Qwen3-32B", "live")}


async def test_a_workspace_may_still_name_what_only_its_server_knows(
    bob: User, using: Using, first: FakeOpenAI, workspace: Workspace
) -> None:
    """A name that is no name of a model here: with a space, or typed after the upgrade."""
    await sql(partial(using, first.base_url))
    await sql(_migrated)

    def name_a_model() -> None:
        with system_scope("test: a workspace that names a model"):
            Workspace.objects.filter(pk=workspace.pk).update(model="千问 3")

    await sql(name_a_model)
    async with talking(bob) as talk:
        await talk.ask("What is the notice period?", workspace=workspace.slug)
    assert [request["model"] for request in first.requests] == ["千问 3"]


async def test_what_a_model_of_others_is_asked_for_is_not_had_by_naming_it(
    bob: User, using: Using, first: FakeOpenAI, workspace: Workspace
) -> None:
    await sql(partial(using, first.base_url))
    await sql(_migrated)

    def keep_one_to_others() -> None:
        with system_scope("test: a model of others"):
            Workspace.objects.filter(pk=workspace.pk).update(model="big-one")
            model = LanguageModel.objects.create(name="board", title="Board")
            model.groups.add(factories.make_group("Board"))
            ModelVersion.objects.create(model=model, number=1, served_name="big-one", state="live")

    await sql(keep_one_to_others)
    async with talking(bob) as talk:
        await talk.ask("What is the notice period?", workspace=workspace.slug)
    assert [request["model"] for request in first.requests] == [MODEL]


def test_without_a_server_in_use_nothing_is_registered(db: None) -> None:
    _migrated()
    assert not LanguageModel.objects.exists()
