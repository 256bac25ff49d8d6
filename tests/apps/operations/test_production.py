"""The same program with the services of a larger installation: PostgreSQL, Redis and RabbitMQ."""

import os
import signal
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import httpx
import psutil
import psycopg
import pytest

from tests.apps.operations.machine import (
    Machine,
    each_document_is_there_once,
    make_collection,
    question,
    states,
    upload,
)
from tests.fake_openai import FakeOpenAI

pytestmark = [pytest.mark.services, pytest.mark.slow]

DOCUMENTS = 6


@pytest.fixture(scope="module")
def services() -> Iterator[dict[str, str]]:
    """Addresses, with a database of this test's own."""
    wanted = ("KB_DATABASE_URL", "KB_REDIS_URL", "KB_BROKER_URL")
    if not all(os.environ.get(name) for name in wanted):
        pytest.skip(f"{', '.join(wanted)} are not set; `make test-services` sets them")
    server, name = os.environ["KB_DATABASE_URL"], f"footnote_{os.getpid()}_whole"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    try:
        database = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        yield {**{one: os.environ[one] for one in wanted}, "KB_DATABASE_URL": database}
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="module")
def machine(
    services: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    with FakeOpenAI() as llm:
        one = Machine(tmp_path_factory.mktemp("production"), llm.base_url, **services)
        try:
            one.start()
            yield one
        finally:
            if one.supervisor and one.supervisor.poll() is None:
                one.stop()


@pytest.fixture(scope="module")
def api(machine: Machine) -> Iterator[httpx.Client]:
    with machine.client() as client:
        yield client


def test_no_redis_of_its_own_is_started(machine: Machine) -> None:
    assert "redis" not in machine.parts()
    assert not (machine.data / "kb.sqlite3").exists()


def test_documents_come_in_while_workers_are_killed(machine: Machine, api: httpx.Client) -> None:
    collection = make_collection(api, "Production")
    for number in range(DOCUMENTS):
        upload(api, collection, number)
        if number in {1, 3}:
            machine.kill("worker-parse" if number == 1 else "worker-embed")
    machine.wait_until(lambda: states(api, collection) == ["ready"] * DOCUMENTS, "all are ready")
    each_document_is_there_once(api, collection, documents=DOCUMENTS)
    answer = api.post("chat", json={"message": question(2), "collections": [collection]})
    assert answer.json()["citations"][0]["document_name"] == "report 2.txt"


def test_a_worker_that_stops_consuming_is_started_again(machine: Machine) -> None:
    pid = machine.parts()["worker-light"]["pid"]
    os.kill(pid, signal.SIGSTOP)  # lives, and does nothing
    machine.wait_until(
        lambda: machine.parts()["worker-light"]["pid"] not in {pid, None} and machine.is_whole(),
        "another one works",
    )
    assert not psutil.pid_exists(pid)


def test_the_data_folder_holds_files_and_index_only(machine: Machine, api: httpx.Client) -> None:
    collection = make_collection(api, "Folders")
    upload(api, collection, 1)
    machine.wait_until(lambda: states(api, collection) == ["ready"], "it is ready")
    held = {path.name for path in machine.data.iterdir()}
    assert {"files", "index"} <= held
    assert "redis" not in held
