"""Replicas are model servers of the installation while they are up."""

from dataclasses import replace
from pathlib import Path

import pytest

from apps.core.sealing import unseal
from apps.engines.models import Endpoint
from apps.engines.vllm.plan import Wanted
from apps.engines.vllm.registration import Registration
from apps.engines.vllm.service import Service, planned
from tests.apps.engines.vllm.folders import model_folder

pytestmark = pytest.mark.django_db


@pytest.fixture
def service(tmp_path: Path) -> Service:
    folder = model_folder(tmp_path, "qwen-0.5b")
    plan = planned(folder, "2x24", Wanted(replicas=2), load_format="dummy")
    return Service(plan, str(folder))


def rows() -> list[tuple[str, str, bool, bool]]:
    found = Endpoint.objects.order_by("name")
    return [(row.name, row.base_url, row.is_active, row.is_beside) for row in found]


def test_replicas_answer_beside_each_other_and_go_one_by_one(service: Service) -> None:
    registration = Registration(service)
    registration.point(0, "http://gpu:8100", "k")
    registration.point(1, "http://gpu:8101", "k")
    assert rows() == [
        ("answers", "http://gpu:8100/v1", True, False),
        ("answers 2", "http://gpu:8101/v1", True, True),
    ]
    registration.withdraw(0)
    assert rows() == [
        ("answers", "http://gpu:8100/v1", False, False),
        ("answers 2", "http://gpu:8101/v1", True, False),
    ]
    registration.withdraw(1)
    assert not Endpoint.objects.filter(is_active=True).exists()


def test_a_replica_that_sleeps_is_asked_at_its_door(service: Service) -> None:
    registration = Registration(service)
    registration.point(0, "http://gpu:8100", "k")
    registration.point(0, "http://gpu:8150", "k")
    assert rows() == [("answers", "http://gpu:8150/v1", True, False)]


def test_what_an_administrator_chose_stays_in_use_unless_asked(service: Service) -> None:
    chosen = Endpoint.objects.create(
        kind="chat", name="theirs", base_url="http://x/v1", model="m", is_active=True
    )
    Registration(service).point(0, "http://gpu:8100", "k")
    chosen.refresh_from_db()
    assert chosen.is_active
    Registration(service, wants_use=True).point(0, "http://gpu:8101", "k")
    chosen.refresh_from_db()
    assert not chosen.is_active
    assert Endpoint.objects.get(name="answers").is_active


def test_the_key_is_sealed_and_kept_for_the_next_run(service: Service) -> None:
    key = Registration(service).key()
    Registration(service).point(0, "http://gpu:8100", key)
    row = Endpoint.objects.get()
    assert key not in row.sealed_key
    assert unseal(row.sealed_key) == key == Registration(service).key()


def test_what_was_set_on_a_row_stays(service: Service) -> None:
    registration = Registration(service)
    registration.point(0, "http://gpu:8100", "k")
    Endpoint.objects.update(context_tokens=1234)
    registration.withdraw(0)
    registration.point(0, "http://gpu:8101", "k")
    assert Endpoint.objects.get().context_tokens == 1234


def test_the_patience_an_administrator_chose_stays(service: Service) -> None:
    registration = Registration(replace(service, quiet="20:00-07:00"))
    registration.point(0, "http://gpu:8100", "k")
    assert Endpoint.objects.get().first_token_s == 600, "who wakes it waits for its start"
    Endpoint.objects.update(first_token_s=30)
    registration.point(0, "http://gpu:8150", "k")
    assert Endpoint.objects.get().first_token_s == 30
