"""All parts of one machine as `make run` starts them, and every one of them killed while it works.

The embedding model is the fake one of the model host and answers come from a fake model server:
everything else is what runs in an installation.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.apps.operations.machine import (
    Machine,
    each_document_is_there_once,
    make_collection,
    question,
    retried,
    states,
    upload,
)
from tests.apps.operations.supervised import alive
from tests.fake_openai import FakeOpenAI

pytestmark = [pytest.mark.services, pytest.mark.slow]

DOCUMENTS = 12


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with FakeOpenAI() as llm:
        one = Machine(tmp_path_factory.mktemp("machine"), llm.base_url)
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


def test_killing_any_part_while_documents_come_in_loses_and_doubles_nothing(
    machine: Machine, api: httpx.Client
) -> None:
    collection = make_collection(api, "Kills")
    parts = [name for name in machine.parts() if name not in {"prepare", "models"}]
    for number in range(DOCUMENTS):
        retried(lambda number=number: upload(api, collection, number))
        if number < len(parts):
            machine.kill(parts[number])
    machine.wait_until(machine.is_whole, "all parts are ready again")
    machine.wait_until(lambda: states(api, collection) == ["ready"] * DOCUMENTS, "all are ready")
    assert {machine.parts()[name]["restarts"] > 0 for name in parts} == {True}
    each_document_is_there_once(api, collection, documents=DOCUMENTS)


def test_an_answer_cites_what_was_uploaded(machine: Machine, api: httpx.Client) -> None:
    collection = make_collection(api, "Answers")
    upload(api, collection, 7)
    machine.wait_until(lambda: states(api, collection) == ["ready"], "it is ready")
    answer = api.post("chat", json={"message": question(7), "collections": [collection]})
    assert answer.status_code == 200, answer.text
    (first, *_) = answer.json()["citations"]
    assert first["document_name"] == "report 7.txt"


def test_what_was_being_read_goes_on_after_a_stop_and_a_start(
    machine: Machine, api: httpx.Client
) -> None:
    collection = make_collection(api, "Restart")
    for number in range(4):
        upload(api, collection, number)
    assert machine.stop() == 0
    assert alive(machine.seen) == []
    machine.start()
    machine.wait_until(lambda: states(api, collection) == ["ready"] * 4, "all are ready")
    each_document_is_there_once(api, collection, documents=4)


def test_the_web_and_the_workers_hold_no_model(machine: Machine) -> None:
    heavy = ("torch", "onnxruntime", "lancedb", "/pyarrow/")
    for name in ("web", "worker-light", "worker-parse", "worker-embed", "beat"):
        leader = psutil.Process(machine.parts()[name]["pid"])
        for process in (leader, *leader.children(recursive=True)):
            loaded = Path(f"/proc/{process.pid}/maps").read_text()
            assert [word for word in heavy if word in loaded] == [], name
