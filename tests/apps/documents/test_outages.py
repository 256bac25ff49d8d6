"""Redis or the database gone for a while, and files that kill: nothing lost, doubled or stuck.

``FOOTNOTE_FAULTS=full`` makes them as long and as many as they are in earnest: Redis gone for 20
seconds, the database for 10, and 500 files, ten of which are poison. Without it the same faults
are shorter and the good files fewer, so the share of poison is larger.
"""

import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from tests.apps.documents.plant import Plant, wait_until
from tests.apps.documents.relay import Relay

pytestmark = [pytest.mark.services, pytest.mark.slow]

IS_FULL = os.environ.get("FOOTNOTE_FAULTS") == "full"
MANY = 100 if IS_FULL else 30
REDIS_GONE_S, DATABASE_GONE_S = (20, 10) if IS_FULL else (6, 4)
KILLERS, GOOD = (3, 490) if IS_FULL else (1, 60)
SLOW_TO_READ = "<html><body>" + "<p>The pump is inspected in May.</p>" * 15_000


def until_all_ended(plant: Plant, *, failed: int = 0) -> None:
    def has_ended() -> bool:
        plant.look_after()
        plant.do("messages_are_due")
        return not {"queued", "running"} & set(plant.do("ends"))

    wait_until(has_ended, "all runs have ended")
    assert plant.do("ends").get("failed", 0) == failed


def under_way(plant: Plant, name: str) -> None:
    """Many small files, some of them done and most of them waiting."""
    done = plant.do("ends").get("done", 0)
    plant.do("add_many", name, MANY)
    wait_until(lambda: plant.do("ends").get("done", 0) > done + 3, "some are done")


def test_redis_gone_for_twenty_seconds(plant: Plant) -> None:
    under_way(plant, "redis")
    plant.kill("redis")
    plant.do("add", "meanwhile.txt", "Uploaded while Redis was away.")
    time.sleep(REDIS_GONE_S)
    plant.launch("redis")
    plant.do("leases_lapse")
    until_all_ended(plant)
    assert plant.do("faults") == []


@pytest.fixture
def relay() -> Iterator[Relay]:
    found = urlsplit(os.environ.get("KB_DATABASE_URL", ""))
    if not found.scheme.startswith("postgres"):
        pytest.skip("a database that can be gone is PostgreSQL: make test-services")
    made = Relay(found.hostname or "127.0.0.1", found.port or 5432)
    yield made
    made.shut()


@pytest.fixture
def on_postgres(relay: Relay, tmp_path: Path) -> Iterator[Plant]:
    """An installation whose processes, not its driver, come to PostgreSQL through the relay."""
    server = os.environ["KB_DATABASE_URL"]
    name = f"footnote_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    own = urlsplit(server)._replace(path=f"/{name}")
    user = f"{own.username}@" if own.username else ""
    through = own._replace(netloc=f"{user}127.0.0.1:{relay.port}")
    plant = Plant(tmp_path, urlunsplit(own), through=urlunsplit(through))
    try:
        plant.start()
        yield plant
    finally:
        plant.stop()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_the_database_gone_for_ten_seconds(on_postgres: Plant, relay: Relay) -> None:
    plant = on_postgres
    under_way(plant, "database")
    relay.shut()
    time.sleep(DATABASE_GONE_S)
    relay.open()
    plant.do("leases_lapse")
    until_all_ended(plant)
    assert plant.do("faults") == []


def test_many_files_some_of_which_are_poison(plant: Plant, tmp_path: Path) -> None:
    """Some kill their worker, each time that they are read; the others are broken or bombs."""
    before = plant.do("ends").get("done", 0)
    plant.kill("parse")  # all of them are there before the first is read
    killers = {f"kills {number}.html" for number in range(KILLERS)}
    for name in sorted(killers):
        plant.do("add", name, f"{SLOW_TO_READ}<p>{name}</p></body></html>")
    refused = [plant.do("add_file", str(path)) for path in poison(tmp_path)]
    plant.do("add_many", "good", GOOD)
    plant.launch("parse")

    def killers_are_set_aside() -> bool:
        if killers & set(plant.do("reading")):
            plant.kill("parse")
            plant.launch("parse")
            plant.do("leases_lapse")
        return set(plant.do("reasons")) >= killers

    wait_until(killers_are_set_aside, "what kills is set aside")
    until_all_ended(plant, failed=KILLERS + _accepted(refused))
    reasons = plant.do("reasons")
    assert {reasons[name] for name in killers} == {"GAVE_UP"}
    assert all(reasons.values())
    assert plant.do("ends")["done"] == before + GOOD
    plant.do("forget_failed")
    assert plant.do("faults") == []


def _accepted(refused: list[str]) -> int:
    """How many were taken and failed later: their run came back, and no code."""
    return sum(len(answer) == 36 for answer in refused)


def poison(folder: Path) -> Iterator[Path]:
    """Seven files that are not what they say, in seven ways."""
    for name, content in {
        "empty.pdf": b"",
        "cut.pdf": b"%PDF-1.7\n1 0 obj\n<<",
        "no.docx": b"PK\x03\x04" + bytes(500),
        "deep.json": b"[" * 200_000,
        "bytes.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000),
        "nothing.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    }.items():
        (folder / name).write_bytes(content)
        yield folder / name
    bomb = folder / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(300_000_000))
    yield bomb
