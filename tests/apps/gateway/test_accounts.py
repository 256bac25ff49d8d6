"""What an answer used is counted and kept, whatever happens beside it."""

from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError

from apps.accounts.models import User
from apps.chat import recording, running
from apps.chat.models import Turn
from apps.gateway import services, trials
from apps.gateway.models import Generation, ModelVersion
from apps.permissions.scope import entered
from apps.workspaces.scopes import scope_of
from tests.apps.chat.talk import sql, talking
from tests.apps.gateway.conftest import Using
from tests.apps.gateway.test_models import make_version
from tests.fake_openai import FakeOpenAI

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "What is the notice period?"


async def test_an_answer_that_met_a_deadlock_is_kept_at_the_second_try(
    bob: User, using: Using, first: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sql(partial(using, first.base_url))
    enter, tries = recording.enter, []

    def once(*args: Any) -> None:
        tries.append(1)
        enter(*args)
        if len(tries) == 1:
            raise OperationalError("deadlock detected")

    monkeypatch.setattr(recording, "enter", once)
    async with talking(bob) as talk:
        assert (await talk.ask(QUESTION))[-1]["type"] == "done"
    assert await sql(Generation.objects.count) == 1
    assert (await sql(Turn.objects.get)).state == "complete"


async def test_an_answer_is_kept_where_a_version_cannot_be_judged(
    bob: User, using: Using, first: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sql(partial(using, first.base_url))
    await sql(make_version)
    await sql(partial(make_version, state=ModelVersion.State.CANARY, share=100))

    def broken(_version: UUID) -> None:
        raise RuntimeError("no judgement")

    monkeypatch.setattr(trials, "look", broken)
    async with talking(bob) as talk:
        assert (await talk.ask(QUESTION))[-1]["type"] == "done"
    assert (await sql(Turn.objects.get)).state == "complete"


async def test_an_answer_whose_conversation_is_deleted_meanwhile_is_counted(
    bob: User, using: Using, first: FakeOpenAI
) -> None:
    await sql(partial(using, first.base_url))
    first.tokens, first.token_s = 500, 0.02
    async with talking(bob) as talk:
        turn = await talk.begin()
        await sql(lambda: Turn.objects.filter(pk=turn).delete())
        await running.stop_all()
    row = await sql(Generation.objects.get)
    assert (row.turn_id, row.person_id) == (UUID(turn), bob.pk)
    assert row.prompt_tokens > 0


def test_who_opens_many_conversations_waits_as_one(bob: User) -> None:
    with entered(scope_of(bob)):
        plans = [services.plan(services.Asked("?", conversation=uuid4())) for _ in range(2)]
    assert {plan.generator.group for plan in plans} == {str(bob.pk)}
