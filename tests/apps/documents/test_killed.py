"""Real processes killed in the middle of a stage: nothing is lost, nothing is there twice."""

from collections.abc import Callable

import psutil
import pytest

from tests.apps.documents.plant import Plant, wait_until

pytestmark = [pytest.mark.services, pytest.mark.slow]

SLOW_TO_READ = "<html><body>" + "<p>The pump of hall {0} is inspected in May.</p>" * 15_000
SLOW_TO_EMBED = 20_000


def until_done(plant: Plant, runs: list[str]) -> None:
    def is_done() -> bool:
        states = [plant.do("run", run) for run in runs]
        assert "failed" not in {state["state"] for state in states}, states
        return {state["state"] for state in states} == {"done"}

    wait_until(is_done, "all runs are done")
    assert plant.do("faults") == []


def while_reading(plant: Plant, name: str) -> tuple[list[str], psutil.Process]:
    """A page that takes long to read, in the middle of that, and a small file behind it."""
    page = SLOW_TO_READ.format(name) + f"<p>{name}</p></body></html>"
    runs = [plant.do("add", f"{name}.html", page), plant.do("add", f"{name}.txt", f"About {name}")]
    wait_until(lambda: plant.do("run", runs[0])["state"] == "running", "it is being read")
    forks: Callable[[], list[psutil.Process]] = lambda: [  # noqa: E731 - used twice
        process for waiting in plant.under("parse", "parse_child") for process in waiting.children()
    ]
    (fork, *_) = wait_until(forks, "a fork reads it")
    return runs, fork


def test_killing_the_worker_that_reads(plant: Plant) -> None:
    runs, fork = while_reading(plant, "worker")
    plant.kill("parse")
    assert not fork.is_running(), "what it had started died with it"
    plant.launch("parse")
    plant.do("leases_lapse")
    until_done(plant, runs)


def test_a_file_whose_worker_is_killed_twice_is_set_aside_and_the_others_go_on(
    plant: Plant,
) -> None:
    runs, _ = while_reading(plant, "poison")
    for _ in range(2):
        wait_until(lambda: plant.under("parse", "parse_child"), "a child reads it")
        wait_until(lambda: plant.do("run", runs[0])["state"] == "running", "it is being read")
        plant.kill("parse")
        plant.launch("parse")
        plant.do("leases_lapse")
    wait_until(lambda: plant.do("run", runs[0])["state"] == "failed", "it is set aside")
    assert plant.do("run", runs[0])["error_code"] == "GAVE_UP"
    wait_until(lambda: plant.do("run", runs[1])["state"] == "done", "the other went on")
    plant.do("forget_failed")
    until_done(plant, runs[1:])


def test_killing_the_pool_process_that_reads(plant: Plant) -> None:
    runs, _ = while_reading(plant, "pool")
    (pool, *_) = psutil.Process(plant.processes["parse"].pid).children()
    pool.kill()
    wait_until(lambda: not pool.is_running(), "it is gone")
    plant.do("leases_lapse")
    until_done(plant, runs)


def test_killing_the_reading_process_itself(plant: Plant) -> None:
    """The worker lives: it starts another one at once, and nobody has to wait for a lease."""
    runs, _ = while_reading(plant, "reader")
    (reader, *_) = plant.under("parse", "parse_child")
    reader.kill()
    until_done(plant, runs)


@pytest.mark.parametrize("victim", ["embed", "model", "index"])
def test_killing_a_process_that_takes_part_in_embedding(plant: Plant, victim: str) -> None:
    lines = [f"Valve {number} of {victim} is open." for number in range(SLOW_TO_EMBED)]
    runs = [
        plant.do("add", f"{victim}.txt", "\n\n".join(lines)),
        plant.do("add", f"small {victim}.txt", f"About {victim}"),
    ]
    wait_until(lambda: plant.do("run", runs[0])["done"] > 0, "it is half embedded")
    plant.kill(victim)
    plant.launch(victim)
    plant.do("leases_lapse")
    until_done(plant, runs)


def test_killing_the_broker(plant: Plant) -> None:
    runs, _ = while_reading(plant, "broker")
    plant.kill("redis")
    lost = plant.do("add", "unsent.txt", "Uploaded while the broker was away.")
    plant.launch("redis")
    runs.append(lost)

    def has_been_sent() -> bool:
        plant.do("messages_are_due")
        return "queued" not in {plant.do("run", run)["state"] for run in runs}

    wait_until(has_been_sent, "what was not sent is sent again")
    until_done(plant, runs)


def test_killing_the_worker_that_embeds_an_edit(plant: Plant) -> None:
    added = plant.do("add", "edited.txt", "The notice period is ninety days.")
    until_done(plant, [added])
    runs = []
    for number in range(3):
        runs.append(plant.do("edit", "edited.txt", f"The notice period is {number} years."))
        wait_until(lambda: plant.do("run", runs[-1])["state"] != "queued", "it is begun")
        plant.kill("embed")
        plant.launch("embed")
        plant.do("leases_lapse")
    until_done(plant, runs)
    assert plant.do("indexed", "edited.txt") == ["The notice period is 2 years."]
