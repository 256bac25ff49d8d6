"""Administrators name topics, make rules, try them and see what was refused; nobody else does."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import ApiKey, User
from apps.applications.models import ApplicationKey
from apps.permissions.scope import system_scope
from apps.topics.models import Topic, TopicRule
from tests import factories
from tests.apps.api.conftest import Program, code_of
from tests.apps.applications.conftest import Make
from tests.apps.topics.conftest import PAY

BASE = "/administration/topics"
In = Callable[[User], Client]


def test_a_topic_and_a_rule_are_made_on_the_pages(admin: User, client_of: In) -> None:
    page = client_of(admin)
    made = page.post(f"{BASE}/new", {"name": "Pay", "words": "salar*\n工资", "patterns": "p-\\d+"})
    assert made.status_code == 302
    topic = Topic.objects.get()
    assert (topic.words, topic.patterns) == (["salar*", "工资"], [r"p-\d+"])
    group = factories.make_group("Staff")
    rule = {"name": "No pay", "effect": "away", "topics": topic.pk, "groups": group.pk}
    assert page.post(f"{BASE}/rules/new", {**rule, "is_active": "on"}).status_code == 302
    assert "No pay" in page.get(BASE).content.decode()
    assert page.post(f"{BASE}/{topic.pk}/delete").status_code == 409
    found = TopicRule.objects.get()
    assert page.post(f"{BASE}/rules/{found.pk}/delete").status_code == 302
    assert page.post(f"{BASE}/{topic.pk}/delete").status_code == 302
    assert not Topic.objects.exists()


def test_a_sample_question_shows_which_rule_would_bite(
    admin: User, client_of: In, away: Callable[..., TopicRule]
) -> None:
    away()
    said = client_of(admin).post(f"{BASE}/try", {"question": PAY}).content.decode()
    assert "refused" in said
    assert "salar*" in said
    assert "let pass" in client_of(admin).post(f"{BASE}/try", {"question": "x"}).content.decode()


def test_what_is_no_pattern_is_said_beside_the_field(admin: User, client_of: In) -> None:
    said = client_of(admin).post(f"{BASE}/new", {"name": "Pay", "patterns": "(a)\\1"})
    assert said.status_code == 422
    assert "Backreferences" in said.content.decode()


def test_a_topic_of_nothing_is_refused(admin: User, client_of: In) -> None:
    assert client_of(admin).post(f"{BASE}/new", {"name": "Pay"}).status_code == 422


def test_the_last_refusals_are_shown_without_what_was_asked(
    admin: User, bob: User, client_of: In, away: Callable[..., TopicRule]
) -> None:
    away(groups=[factories.make_group("Staff", bob)])
    Program(factories.make_api_key(bob)[1]).post("search", {"query": PAY})
    said = client_of(admin).get(BASE).content.decode()
    assert "bob" in said
    assert PAY not in said


@pytest.mark.parametrize("who", ["alice", "bob", "carol"])
def test_nobody_else_sees_or_changes_any_of_it(
    who: str, request: pytest.FixtureRequest, client_of: In, pay: Topic
) -> None:
    page = client_of(request.getfixturevalue(who))
    assert page.get(BASE).status_code == 403
    assert page.get(f"{BASE}/{pay.pk}").status_code == 403
    assert page.post(f"{BASE}/{pay.pk}/delete").status_code == 403
    program = Program(factories.make_api_key(request.getfixturevalue(who))[1])
    assert program.get("administration/topics").status_code == 403
    assert program.get(f"administration/topics/{pay.pk}").status_code == 403
    assert Topic.objects.filter(pk=pay.pk).exists()


def test_programs_of_administrators_do_the_same(admin: User) -> None:
    program = Program(factories.make_api_key(admin)[1])
    topic = program.post("administration/topics", {"name": "Pay", "words": ["salar*"]}).json()
    group = factories.make_group("Staff")
    rule = {"name": "No pay", "effect": "away", "topics": [topic["id"]], "groups": [str(group.pk)]}
    made = program.post("administration/topic-rules", rule)
    assert made.status_code == 201, made.content
    path = f"administration/topic-rules/{made.json()['id']}"
    changed = program.patch(path, {"sentence_en": "Ask personnel."}).json()
    assert (changed["sentence_en"], changed["groups"]) == ("Ask personnel.", [str(group.pk)])
    (tried,) = program.post("administration/topics/try", {"question": PAY}).json()["rules"]
    assert (tried["refused"], tried["by"], tried["topic"]) == (True, "word", "Pay")
    assert program.patch(f"administration/topics/{topic['id']}", {"words": []}).status_code == 400
    assert code_of(program.delete(f"administration/topics/{topic['id']}")) == "CONFLICT"
    assert program.delete(path).status_code == 204
    assert program.delete(f"administration/topics/{topic['id']}").status_code == 204


def revoke(*keys: ApiKey | ApplicationKey) -> None:
    with system_scope("test: revoke"):
        for key in keys:
            type(key).objects.filter(pk=key.pk).update(revoked_at=timezone.now())


def test_a_rule_is_changed_and_switched_off_after_its_keys_were_revoked(
    admin: User, bob: User, client_of: In, make_program: Make, away: Callable[..., TopicRule]
) -> None:
    erp, (own, _plain) = make_program(), factories.make_api_key(bob)
    rule = away(personal_keys=[own.prefix], application_keys=[erp.key])
    revoke(own, erp.key)
    program = Program(factories.make_api_key(admin)[1])
    path = f"administration/topic-rules/{rule.pk}"
    changed = program.patch(path, {"is_active": False})
    assert changed.status_code == 200, changed.content
    page = client_of(admin)
    form = page.get(f"{BASE}/rules/{rule.pk}").context["form"]
    said = {name: field.value() for name, field in ((each.name, each) for each in form)}
    said = {name: value for name, value in said.items() if value not in (None, False)}
    assert page.post(f"{BASE}/rules/{rule.pk}", {**said, "name": "Pay"}).status_code == 302
    rule.refresh_from_db()
    assert (rule.name, rule.is_active) == ("Pay", False)
    assert [key["prefix"] for key in rule.personal_keys] == [own.prefix]
    with system_scope("test: what the rule holds"):
        assert list(rule.application_keys.all()) == [erp.key]
    other = factories.make_api_key(bob)[0]
    revoke(other)
    refused = program.patch(path, {"personal_keys": [own.prefix, other.prefix]})
    assert refused.status_code == 400
