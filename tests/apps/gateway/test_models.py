"""Models with versions: who may use which, what is tried on whom, what is taken away by itself."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.chat.models import Turn
from apps.core.errors import AppError
from apps.events.models import Event
from apps.gateway import registry
from apps.gateway.models import Generation, LanguageModel, ModelVersion, UsageDay
from apps.gateway.routing.judgement import ENOUGH
from apps.permissions.scope import entered
from apps.workspaces.scopes import scope_of
from tests import factories
from tests.apps.chat.talk import sql, talking
from tests.apps.gateway.conftest import Using
from tests.fake_openai import Behaviour, FakeOpenAI

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "What is the notice period?"
SignIn = Callable[[User], Client]
State = ModelVersion.State


def make_version(name: str = "house", **values: Any) -> ModelVersion:
    model, _new = LanguageModel.objects.get_or_create(name=name, defaults={"title": name})
    number = model.versions.count() + 1
    fields = {"state": State.LIVE, "since": timezone.now(), **values}
    servers = fields.pop("servers", ())
    version = ModelVersion.objects.create(model=model, number=number, **fields)
    version.servers.set(servers)
    return version


def note(version: ModelVersion, times: int, outcome: str = "ok", first_ms: int = 300) -> None:
    Generation.objects.bulk_create(
        Generation(
            model=version.model.name,
            version_id=version.pk,
            outcome=outcome,
            first_token_ms=first_ms,
        )
        for _ in range(times)
    )


async def _last() -> Turn:
    turn = await sql(Turn.objects.order_by("created_at").last)
    assert turn is not None
    return turn


async def test_a_version_says_which_server_by_which_name_and_how(
    bob: User, using: Using, first: FakeOpenAI, second: FakeOpenAI
) -> None:
    await sql(partial(using, first.base_url))
    tuned = await sql(partial(using, second.base_url))
    await sql(
        partial(
            make_version,
            servers=[tuned],
            adapter="house-lora",
            temperature=0.7,
            prompt="Be brief.",
            write_price=2,
        )
    )
    async with talking(bob) as talk:
        frames = await talk.ask(QUESTION)
    assert frames[-1]["model"] == "house"
    assert first.requests == []
    asked = second.requests[0]
    assert (asked["model"], asked["temperature"]) == ("house-lora", 0.7)
    assert "Be brief." in str(asked["messages"])
    row = await sql(Generation.objects.get)
    assert (row.model, row.outcome, row.is_counted) == ("house", "ok", True)
    assert row.cost == row.completion_tokens * 2 / 1_000_000 or row.cost > 0
    day = await sql(UsageDay.objects.get)
    assert (day.requests, day.completion_tokens) == (1, row.completion_tokens)
    route = (await _last()).trace["route"]
    assert (route["model"], route["version"], route["why"]) == ("house", 1, "cheapest")


async def test_a_model_of_another_department_looks_like_none(
    alice: User, bob: User, using: Using, first: FakeOpenAI
) -> None:
    await sql(partial(using, first.base_url))
    version = await sql(partial(make_version, "for-law"))
    await sql(partial(make_version, "for-all"))
    group = await sql(partial(factories.make_group, "Law", alice))
    await sql(partial(version.model.groups.add, group))
    async with talking(bob) as talk:
        refused = await talk.ask(QUESTION, model="for-law")
        answered = await talk.ask(QUESTION)
    assert refused[-1]["code"] == "NOT_FOUND"
    assert answered[-1]["model"] == "for-all"
    async with talking(alice) as talk:
        frames = await talk.ask(QUESTION, model="for-law")
    assert frames[-1]["model"] == "for-law"


async def test_who_may_use_no_model_is_told_so(
    alice: User, bob: User, using: Using, first: FakeOpenAI
) -> None:
    await sql(partial(using, first.base_url))
    version = await sql(partial(make_version, "for-law"))
    group = await sql(partial(factories.make_group, "Law", alice))
    await sql(partial(version.model.groups.add, group))
    async with talking(bob) as talk:
        frames = await talk.ask(QUESTION)
    assert frames[-1]["code"] == "NO_MODEL"
    assert first.requests == []


def test_programs_are_listed_their_models_only(
    alice: User, bob: User, workspace: Any, collection: Any
) -> None:
    version = make_version("for-law")
    version.model.groups.add(factories.make_group("Law", alice))
    make_version("for-all")
    make_version("a-draft", state=State.DRAFT)
    listed = {}
    for person in (alice, bob):
        _key, plain = factories.make_api_key(person)
        client = Client(headers={"Authorization": f"Bearer {plain}"})
        listed[person] = {row["id"] for row in client.get("/v1/models").json()["data"]}
        body = {"model": "for-law", "messages": [{"role": "user", "content": QUESTION}]}
        answer = client.post("/v1/chat/completions", body, content_type="application/json")
        assert answer.status_code == (200 if person is alice else 404)
    assert {"for-law", "for-all"} <= listed[alice]
    assert {"for-law", "for-all"} & listed[bob] == {"for-all"}
    assert "a-draft" not in listed[alice]


async def test_a_conversation_stays_with_the_version_that_it_began_with(
    bob: User, using: Using, first: FakeOpenAI
) -> None:
    await sql(partial(using, first.base_url))
    await sql(make_version)
    await sql(partial(make_version, state=State.CANARY, share=50, served_name="tried"))
    async with talking(bob) as talk:
        for _ in range(6):
            first.requests.clear()
            frames = await talk.ask(QUESTION)
            await talk.ask("And why?", conversation=frames[0]["conversation"])
            assert len({request["model"] for request in first.requests}) == 1


async def test_a_canary_that_was_made_worse_is_taken_away_by_itself(
    bob: User, using: Using, first: FakeOpenAI, second: FakeOpenAI
) -> None:
    good, bad = [await sql(partial(using, each.base_url)) for each in (first, second)]
    live = await sql(partial(make_version, servers=[good]))
    tried = await sql(partial(make_version, state=State.CANARY, share=100, servers=[bad]))
    await sql(partial(note, live, 60))
    second.behaviour = Behaviour.REJECT
    asked = 0
    async with talking(bob) as talk:
        while (await sql(partial(ModelVersion.objects.get, pk=tried.pk))).state == State.CANARY:
            await talk.ask(QUESTION)
            asked += 1
            assert asked <= 30
        frames = await talk.ask(QUESTION)
    assert frames[-1]["type"] == "done"
    row = await sql(partial(ModelVersion.objects.get, pk=tried.pk))
    assert (row.state, row.reason) == (State.RETIRED, "failures")
    told = await sql(partial(Event.objects.get, kind="model.version_withdrawn"))
    assert told.data["why"] == "failures"
    assert told.actor_id is None  # it was nobody's deed


def test_what_was_decided_in_the_meantime_is_seen(admin: User) -> None:
    version = make_version(state=State.CANARY, share=10)
    as_it_was = ModelVersion.objects.get(pk=version.pk)
    with entered(scope_of(admin)):
        registry.make_live(version=version)
        with pytest.raises(AppError):
            registry.make_live(version=as_it_was)
        with pytest.raises(AppError):
            registry.try_version(version=as_it_was, share=5)


@pytest.mark.parametrize("before", [ENOUGH - 1, ENOUGH + 3])
async def test_a_canary_that_is_as_good_takes_the_place_of_the_live_one(
    before: int, bob: User, using: Using, first: FakeOpenAI
) -> None:
    """Also when answers ended together, and nobody looked when there were just enough."""
    await sql(partial(using, first.base_url))
    live = await sql(make_version)
    tried = await sql(partial(make_version, state=State.CANARY, share=100))
    await sql(partial(note, live, 300))
    await sql(partial(note, tried, before))
    async with talking(bob) as talk:
        await talk.ask(QUESTION)
    states = await sql(lambda: dict(ModelVersion.objects.values_list("pk", "state")))
    assert (states[tried.pk], states[live.pk]) == (State.LIVE, State.RETIRED)


# --- pages ----------------------------------------------------------------------------------------
URL = "/administration/language-models"


def test_a_model_is_made_tried_made_live_and_rolled_back(admin: User, client_of: SignIn) -> None:
    browser = client_of(admin)
    values = {"name": "house", "title": "House model"}
    model = browser.post(URL, values)["Location"]
    assert browser.post(URL, values).status_code == 422
    for name in ("one", "two"):
        assert browser.post(f"{model}/versions", {"served_name": name}).status_code == 302
    one, two = ModelVersion.objects.order_by("number")
    at = "/administration/model-versions/{}/{}"
    browser.post(at.format(one.pk, "live"))
    browser.post(at.format(two.pk, "try"), {"share": "10"})
    page = browser.get(model).content.decode()
    assert "canary 10" in page
    browser.post(at.format(two.pk, "live"))
    assert ModelVersion.objects.get(pk=one.pk).reason == "replaced"
    browser.post(f"{model}/roll-back")
    assert ModelVersion.objects.get(pk=one.pk).state == State.LIVE
    assert ModelVersion.objects.get(pk=two.pk).state == State.RETIRED
    browser.post(at.format(one.pk, "stop"))
    assert not ModelVersion.objects.filter(state=State.LIVE).exists()
    assert "House model" in browser.get(URL).content.decode()


def test_the_composer_offers_a_choice_where_there_is_one(
    bob: User, client_of: SignIn, workspace: Any, collection: Any
) -> None:
    browser = client_of(bob)
    make_version("one-model")
    assert "model-menu" not in browser.get(f"/w/{workspace.slug}/ask").content.decode()
    make_version("other-model")
    page = browser.get(f"/w/{workspace.slug}/ask").content.decode()
    assert 'value="other-model"' in page


def test_the_accounts_say_who_used_what_and_go_to_a_spreadsheet(
    admin: User, bob: User, client_of: SignIn
) -> None:
    group = factories.make_group("=Buyers", bob)
    none = uuid4().int * 0
    UsageDay.objects.create(
        day=timezone.now().date(),
        person_id=bob.pk,
        workspace_id=group.pk,
        application_id="00000000-0000-0000-0000-000000000000",
        model="house",
        requests=3,
        failed=none,
        prompt_tokens=1200,
        completion_tokens=340,
        cost="1.5",
    )
    browser = client_of(admin)
    for by in ("person", "group", "workspace", "application", "model", "day"):
        page = browser.get(f"/administration/usage?by={by}").content.decode()
        assert "1200" in page
        assert "340" in page
    csv = browser.get("/administration/usage.csv?by=group").content.decode()
    assert csv.splitlines()[1].startswith("'=Buyers,3,0,1200,340,1.5")
    assert browser.get("/administration/usage?since=nonsense&by=nothing").status_code == 200


def test_only_administrators_see_models_and_accounts(
    bob: User, carol: User, client_of: SignIn
) -> None:
    version = make_version()
    for stranger in (bob, carol):
        browser = client_of(stranger)
        for path in (URL, f"{URL}/{version.model.pk}", "/administration/usage"):
            assert browser.get(path).status_code == 403
        at = f"/administration/model-versions/{version.pk}/stop"
        assert browser.post(at).status_code == 403


def test_prometheus_reads_figures_with_an_administrators_key_and_no_other(
    admin: User, bob: User
) -> None:
    UsageDay.objects.create(
        day=timezone.now().date(),
        person_id=bob.pk,
        workspace_id=bob.pk,
        application_id=bob.pk,
        model="house",
        requests=3,
        completion_tokens=340,
    )
    url = "/api/v1/metrics"
    _row, plain = factories.make_api_key(admin, scope="all")
    text = Client(headers={"Authorization": f"Bearer {plain}"}).get(url).content.decode()
    assert 'footnote_model_tokens_written_total{model="house"} 340.0' in text
    assert str(bob.pk) not in text
    _row, plain = factories.make_api_key(bob, scope="all")
    assert Client(headers={"Authorization": f"Bearer {plain}"}).get(url).status_code == 403
    assert Client().get(url).status_code == 401
