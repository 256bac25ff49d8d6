"""Budgets: who has used one up is told until when, and many at once cannot overspend."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.applications.models import ApplicationKey, KeyUsage
from apps.applications.rights import effective_scope
from apps.chat.models import Turn
from apps.core.errors import AppError
from apps.engines.adapters.fake import ScriptedGenerator
from apps.gateway import limits
from apps.gateway.limits import Amount
from apps.gateway.models import Hold, Quota, QuotaUse
from apps.permissions.scope import Scope, entered
from apps.rag.ports import EngineUnavailable
from apps.workspaces.models import Workspace
from apps.workspaces.scopes import scope_of
from tests import factories
from tests.apps.applications.conftest import Make, make_program
from tests.apps.chat.conftest import model
from tests.apps.chat.talk import sql, talking
from tests.apps.gateway.conftest import Document

__all__ = ["make_program", "model"]  # fixtures

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "What is the notice period?"
SignIn = Callable[[User], Client]
AT_ONCE = 200


def _at_once(scope: Scope, tokens: int) -> list[UUID]:
    """The turns that were let through, of many that asked at once."""

    def ask(_number: int) -> UUID | None:
        turn_id = uuid4()
        try:
            with entered(scope):
                limits.reserve(turn_id=turn_id, workspace_id=None, tokens=tokens)
        except AppError:
            return None
        finally:
            connection.close()
        return turn_id

    with ThreadPoolExecutor(16) as threads:
        return [each for each in threads.map(ask, range(AT_ONCE)) if each is not None]


def test_many_at_the_edge_of_a_budget_overspend_by_one_answer_at_most(bob: User) -> None:
    quota = factories.make_quota(of=Quota.Of.EVERYBODY, subject_id=None, hard=10_000)
    scope = scope_of(bob)
    with entered(scope):
        limits.reserve(turn_id=(before := uuid4()), workspace_id=None, tokens=9_500)
        limits.settle(turn_id=before, amount=Amount(9_500))
        through = _at_once(scope, 1000)
        for turn_id in through:
            limits.settle(turn_id=turn_id, amount=Amount(1000))
    use = QuotaUse.objects.get(quota=quota)
    assert len(through) == 1
    assert (use.used, use.reserved) == (10_500, 0)


def test_many_at_the_edge_of_a_keys_quota_overspend_by_one_answer_at_most(
    make_program: Make,
) -> None:
    key = make_program().key
    ApplicationKey.objects.filter(pk=key.pk).update(tokens_per_day=2500)
    scope = effective_scope(key, None)
    if scope.actor_id is None:
        scope = Scope(actor_id=uuid4(), via_key=key.pk, application_id=key.application_id)
    assert len(_at_once(scope, 1000)) == 3
    assert KeyUsage.objects.get(key=key).reserved == 3000


@pytest.mark.parametrize("what", list(Quota.What))
async def test_who_has_used_a_budget_up_is_told_until_when_and_others_go_on(
    bob: User, alice: User, lease: Document, model: ScriptedGenerator, what: str
) -> None:
    values = {"of": Quota.Of.PERSON, "subject_id": bob.pk, "what": what}
    hard = 0 if what == Quota.What.MONEY else 1
    await sql(partial(factories.make_quota, hard=hard, **values))
    async with talking(bob) as talk:
        codes = [(await talk.ask(QUESTION))[-1].get("code") for _ in range(2)]
    assert codes == (["BUDGET_EXCEEDED"] * 2 if not hard else [None, "BUDGET_EXCEEDED"])
    async with talking(alice) as talk:
        assert (await talk.ask(QUESTION))[-1]["type"] == "done"


def test_a_refusal_names_the_time_when_there_is_more(
    bob: User, workspace: Workspace, lease: Document
) -> None:
    factories.make_quota(of=Quota.Of.WORKSPACE, subject_id=workspace.pk, hard=0, span="month")
    _key, plain = factories.make_api_key(bob)
    client = Client(headers={"Authorization": f"Bearer {plain}"})
    body = {"message": QUESTION, "workspaces": [workspace.slug]}
    answer = client.post("/api/v1/chat", body, content_type="application/json")
    assert answer.status_code == 429
    said = answer.json()["error"]
    assert said["code"] == "BUDGET_EXCEEDED"
    assert datetime.fromisoformat(said["details"]["resets_at"]).day == 1
    assert int(answer["Retry-After"]) > 0


async def test_what_an_answer_did_not_use_is_given_back(
    bob: User, lease: Document, model: ScriptedGenerator
) -> None:
    quota = await sql(partial(factories.make_quota, of="everybody", subject_id=None, hard=10**6))
    model.script.append(EngineUnavailable("down"))
    async with talking(bob) as talk:
        assert (await talk.ask(QUESTION))[-1]["type"] == "error"
        assert (await talk.ask(QUESTION))[-1]["type"] == "done"
    use = await sql(partial(QuotaUse.objects.get, quota=quota))
    turn = await sql(partial(Turn.objects.get, state="complete"))
    # The question that failed before the first word cost nothing.
    assert (use.used, use.reserved) == (turn.prompt_tokens + turn.completion_tokens, 0)
    assert use.used > 0
    assert await sql(Hold.objects.count) == 0


def test_budgets_are_settled_in_the_order_in_which_they_were_reserved(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        factories.make_quota(of="everybody", subject_id=None, hard=10**6)
    settled: list[UUID] = []
    let_go = limits._let_go

    def noted(hold: Hold, used: Decimal) -> bool:
        settled.append(hold.use.quota_id)
        return let_go(hold, used)

    monkeypatch.setattr(limits, "_let_go", noted)
    with entered(scope_of(bob)):
        limits.reserve(turn_id=(turn_id := uuid4()), workspace_id=None, tokens=5)
        limits.settle(turn_id=turn_id, amount=Amount(5))
    assert settled == sorted(settled)
    assert len(settled) == 5


def test_a_group_has_one_budget_together(alice: User, bob: User) -> None:
    group = factories.make_group("Law", alice, bob)
    factories.make_quota(subject_id=group.pk, what="requests", hard=1)
    with entered(scope_of(alice)):
        limits.reserve(turn_id=uuid4(), workspace_id=None, tokens=1)
    with entered(scope_of(bob)), pytest.raises(AppError):
        limits.reserve(turn_id=uuid4(), workspace_id=None, tokens=1)


def test_what_a_process_that_died_had_reserved_is_given_back(bob: User) -> None:
    quota = factories.make_quota(of="everybody", subject_id=None, hard=10)
    with entered(scope_of(bob)):
        limits.reserve(turn_id=uuid4(), workspace_id=None, tokens=50)
    Hold.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert limits.release_forgotten() == 1
    assert QuotaUse.objects.get(quota=quota).reserved == 0


def test_a_span_begins_and_ends_in_utc() -> None:
    now = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert limits.span_of("day", now)[1] == datetime(2027, 1, 1, tzinfo=UTC)
    first, end = limits.span_of("month", now)
    assert (first.day, end) == (1, datetime(2027, 1, 1, tzinfo=UTC))


def test_an_administrator_sets_and_removes_a_budget(
    admin: User, bob: User, carol: User, client_of: SignIn
) -> None:
    browser = client_of(admin)
    url = "/administration/budgets"
    values: dict[str, Any] = {"of": "person", "what": "tokens", "span": "day", "hard": "1000"}
    assert browser.post(url, {**values, "subject": "nobody@example.org"}).status_code == 422
    assert browser.post(url, {**values, "subject": bob.email}).status_code == 302
    row = Quota.objects.get()
    assert (row.subject_id, row.hard) == (bob.pk, Decimal(1000))
    assert str(bob) in browser.get(url).content.decode()
    for stranger in (bob, carol):
        assert client_of(stranger).get(url).status_code == 403
        assert client_of(stranger).post(f"{url}/{row.pk}/delete").status_code == 403
    browser.post(f"{url}/{row.pk}/delete")
    assert not Quota.objects.exists()
