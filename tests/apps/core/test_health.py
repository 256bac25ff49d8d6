"""Is every part there? Asked without signing in, answered without secrets."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from apps.core import health
from apps.core.health import Status


def report(client: Client) -> tuple[int, dict[str, Any]]:
    response = client.get("/api/v1/health")
    return response.status_code, response.json()


def failing(*_args: object) -> bool:
    raise ConnectionRefusedError


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``parts(llm=ask)`` replaces the question that is asked about a part."""

    def replace(**asks: Callable[[], bool]) -> None:
        monkeypatch.setattr(health, "PARTS", {**health.PARTS, **asks})

    return replace


def test_everything_is_up(client: Client, db: None) -> None:
    status, body = report(client)
    assert (status, body["status"]) == (200, "ok")
    assert body["parts"] == dict.fromkeys(("sql", "redis", "model_host", "index_host", "llm"), "ok")


@pytest.mark.parametrize("name", ["redis", "model_host", "index_host", "llm"])
def test_a_part_that_is_out_degrades_the_whole(
    name: str, client: Client, db: None, parts: Callable[..., None]
) -> None:
    parts(**{name: failing})
    status, body = report(client)
    assert (status, body["status"], body["parts"][name]) == (200, "degraded", "down")


def test_without_the_database_everything_is_down(
    client: Client, db: None, parts: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> bool:
        raise OperationalError("password authentication failed for user kb")

    parts(sql=refuse)
    status, body = report(client)
    assert (status, body["status"]) == (503, "down")
    assert "password" not in str(body)


def test_the_database_is_really_asked(transactional_db: None) -> None:
    assert health._sql()
    assert connection.vendor in {"sqlite", "postgresql"}


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Takes connections and never says a word."""
    server = socket.create_server(("127.0.0.1", 0))
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.close()


def test_a_part_that_says_nothing_is_given_up_on(
    silent_server: str, settings: Any, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENGINES = "real"
    settings.MODEL_HOST_URL = settings.INDEX_HOST_URL = silent_server
    settings.REDIS_URL = silent_server.replace("http", "redis")
    settings.LLM_BASE_URL = silent_server
    monkeypatch.setattr(health, "TIMEOUT_S", 0.05)
    found = health.check()
    assert found.status == Status.DEGRADED
    assert {name for name, part in found.parts.items() if part.status != Status.OK} == {
        "redis",
        "model_host",
        "index_host",
        "llm",
    }


def test_a_part_that_hangs_beyond_every_limit_holds_nobody_up(
    db: None, parts: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(health, "TIMEOUT_S", 0.05)
    parts(llm=lambda: release.wait(60))
    assert health.check().parts["llm"].status == Status.DOWN
    release.set()


def test_a_model_server_that_wants_a_key_is_up(
    settings: Any, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """401 is an answer: whether the key is right is what the Test button finds out."""

    def answer(url: str, **_kwargs: object) -> Any:
        return health.httpx.Response(401 if url.endswith("/models") else 200)

    settings.ENGINES = "real"
    monkeypatch.setattr(health.httpx, "get", answer)
    assert health._llm()


def test_parts_are_asked_at_the_same_time(db: None, parts: Callable[..., None]) -> None:
    """Each waits for the others: one after the other they would never end."""
    together = threading.Barrier(4)

    def wait() -> bool:
        together.wait(timeout=1)
        return True

    parts(redis=wait, model_host=wait, index_host=wait, llm=wait)
    assert health.check().status == Status.OK


def test_only_reading_is_allowed(client: Client, db: None) -> None:
    assert client.post("/api/v1/health").status_code == 405
    assert client.head("/api/v1/health").status_code == 200
