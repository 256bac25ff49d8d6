"""From where, how often and how much: addresses, rates and quotas of a key."""

from uuid import uuid4

import pytest

from apps.accounts.models import User
from apps.applications import quota, services
from apps.applications.models import ApplicationKey, KeyUsage, Reach
from apps.applications.rights import effective_scope
from apps.core.errors import AppError
from apps.permissions.scope import entered, system_scope
from tests.apps.applications.conftest import Make, Program


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        ([], "203.0.113.9", 200),
        (["10.0.0.0/8"], "10.1.2.3", 200),
        (["10.0.0.0/8"], "203.0.113.9", 403),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", 200),
        (["10.0.0.0/8"], "", 403),
        (["203.0.113.9"], "203.0.113.9", 200),
        (["2001:db8::/32"], "2001:db8::5", 200),
        (["2001:db8::/32"], "10.1.2.3", 403),
        (["10.0.0.0/8", "192.0.2.0/24"], "192.0.2.77", 200),
    ],
)
def test_a_key_works_from_the_addresses_it_may_be_used_from(
    networks: list[str], address: str, status: int, make_program: Make
) -> None:
    program = make_program(networks=networks)
    answer = program.get("/me", REMOTE_ADDR=address)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]["code"] == "KEY_ADDRESS"
        assert ApplicationKey.objects.get(pk=program.key.pk).last_used_at is None


def test_what_a_client_says_of_its_address_is_not_believed(make_program: Make) -> None:
    program = make_program(networks=["10.0.0.0/8"])
    said = {"HTTP_X_FORWARDED_FOR": "10.1.2.3", "HTTP_FORWARDED": "for=10.1.2.3"}
    assert program.get("/me", REMOTE_ADDR="203.0.113.9", **said).status_code == 403


@pytest.mark.parametrize("text", ["10.0.0.0/99", "erp.example", "", "0.0.0.0/0; drop"])
def test_what_is_no_network_is_refused(text: str, erp: Program) -> None:
    with system_scope("test: no network"), pytest.raises(AppError) as refused:
        services.change_application(application=erp.application, networks=[text])
    assert refused.value.details["field"] == "networks"


def test_the_last_use_is_seen_with_its_address(erp: Program) -> None:
    assert erp.get("/me", REMOTE_ADDR="203.0.113.9").status_code == 200
    key = ApplicationKey.objects.get(pk=erp.key.pk)
    assert key.last_used_at is not None
    assert key.last_address == "203.0.113.9"
    erp.get("/me", REMOTE_ADDR="203.0.113.10")
    assert ApplicationKey.objects.get(pk=erp.key.pk).last_address == "203.0.113.10"


def test_a_key_is_held_to_its_rate_and_told_what_is_left(make_program: Make) -> None:
    slow, other = make_program("Slow"), make_program("Other")
    ApplicationKey.objects.filter(pk=slow.key.pk).update(requests_per_minute=2)
    first = slow.get("/me")
    assert "q=2;w=60" in first["RateLimit-Policy"]
    assert "r=1" in first["RateLimit"]
    assert slow.get("/me").status_code == 200
    refused = slow.get("/me")
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "TOO_MANY_REQUESTS"
    assert int(refused["Retry-After"]) >= 1
    assert "r=0" in refused["RateLimit"]
    assert other.get("/me").status_code == 200


def test_a_refused_call_does_not_use_its_statement_up(make_program: Make, alice: User) -> None:
    slow = make_program(reach=Reach.PERSON)
    ApplicationKey.objects.filter(pk=slow.key.pk).update(requests_per_minute=1)
    assert slow.get("/me", alice).status_code == 200
    headers = slow.headers(alice)
    assert slow.client.get("/api/v1/me", headers=headers).status_code == 429
    ApplicationKey.objects.filter(pk=slow.key.pk).update(requests_per_minute=10)
    assert slow.client.get("/api/v1/me", headers=headers).status_code == 200


def test_tokens_are_counted_by_key_and_day_and_a_quota_ends(erp: Program) -> None:
    ApplicationKey.objects.filter(pk=erp.key.pk).update(tokens_per_day=1000)
    with entered(effective_scope(erp.key, None)):
        for used in (900, 300):
            turn_id = uuid4()
            quota.reserve_tokens(turn_id=turn_id, tokens=500)
            quota.count_tokens(tokens=used)
            quota.settle_tokens(turn_id=turn_id)
        with pytest.raises(AppError) as refused:
            quota.reserve_tokens(turn_id=uuid4(), tokens=500)
    assert refused.value.status == 429
    assert 0 < refused.value.details["retry_after"] <= 24 * 3600  # type: ignore[operator]
    usage = KeyUsage.objects.get()
    assert (usage.answers, usage.tokens, usage.reserved) == (2, 1200, 0)
