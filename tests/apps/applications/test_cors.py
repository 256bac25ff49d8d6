"""Web pages of other origins: only those that were named, only with the key of their application."""

from typing import Any

import pytest
from django.test import Client

from apps.applications import cors, services
from apps.core.errors import AppError
from apps.permissions.scope import system_scope
from tests.apps.applications.conftest import Make, Program

ERP = "https://erp.example"


def preflight(origin: str) -> Any:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return Client().options("/api/v1/search", headers=headers)


def test_a_named_origin_may_call_and_another_may_not(make_program: Make) -> None:
    program = make_program(origins=[ERP])
    asked = preflight(ERP)
    assert asked.status_code == 204
    assert asked["Access-Control-Allow-Origin"] == ERP
    assert "X-On-Behalf-Of" in asked["Access-Control-Allow-Headers"]
    assert "If-None-Match" in asked["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in asked
    assert "Access-Control-Allow-Origin" not in preflight("https://evil.example")
    for origin, allowed in ((ERP, ERP), ("https://evil.example", None), ("null", None)):
        headers = {**program.headers(), "Origin": origin}
        answer = program.client.get("/api/v1/me", headers=headers)
        assert answer.get("Access-Control-Allow-Origin") == allowed
        assert "Origin" in answer["Vary"]


def test_preflights_are_answered_while_redis_is_down(
    make_program: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_program(origins=[ERP])

    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise ConnectionError("Redis is down")

    monkeypatch.setattr(cors.cache, "get", fail)
    monkeypatch.setattr(cors.cache, "set", fail)
    assert preflight(ERP)["Access-Control-Allow-Origin"] == ERP


def test_the_origin_of_another_application_does_not_count(make_program: Make) -> None:
    make_program(origins=[ERP])
    other = make_program("Other")
    answer = other.client.get("/api/v1/me", headers={**other.headers(), "Origin": ERP})
    assert "Access-Control-Allow-Origin" not in answer


def test_a_page_can_read_why_it_was_refused(make_program: Make) -> None:
    make_program(origins=[ERP])
    headers = {"Authorization": "Bearer fna_live_no-such-key", "Origin": ERP}
    answer = Client().get("/api/v1/me", headers=headers)
    assert answer.status_code == 401
    assert answer["Access-Control-Allow-Origin"] == ERP


def test_without_a_key_nothing_is_shared(make_program: Make, client_of: Any, alice: Any) -> None:
    make_program(origins=[ERP])
    answer = client_of(alice).get("/api/v1/me", headers={"Origin": ERP})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.parametrize(
    "text", ["*", "https://*.example", "erp.example", "https://a.example/x", "https://u@a.example"]
)
def test_what_is_no_origin_is_refused(text: str, erp: Program) -> None:
    with system_scope("test: no origin"), pytest.raises(AppError):
        services.change_application(application=erp.application, origins=[text])
