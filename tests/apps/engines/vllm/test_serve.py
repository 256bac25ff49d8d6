"""``manage.py engine serve``: up, killed, stopped, asleep and woken."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.apps.engines.vllm.serving import KEY, SECRET, Serving, ask, serving

pytestmark = pytest.mark.slow


def looked(door: str, path: str) -> int:
    return httpx.get(door + path, trust_env=False, timeout=10).status_code


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Two replicas that are up."""
    place = tmp_path_factory.mktemp("two")
    with serving(place, "--gpus", "2x24", "--replicas", "2") as it:
        it.until_said(": up", times=2)
        yield it


def test_each_replica_has_gpus_and_a_port_of_its_own_and_no_secret_of_the_installation(
    two: Serving,
) -> None:
    assert ask(two.door(0)).json()["choices"]
    assert ask(two.door(1)).json()["choices"]
    first, second = two.seen(0), two.seen(1)
    assert first["env"]["CUDA_VISIBLE_DEVICES"] == "0"
    assert second["env"]["CUDA_VISIBLE_DEVICES"] == "1"
    assert "--enable-prefix-caching" in first["argv"]
    assert "--trust-remote-code" not in first["argv"]
    assert KEY not in str(first["argv"]) + "".join(two.said)
    assert not [name for name in first["env"] if name.startswith("KB_")]
    assert SECRET not in str(first)


def test_a_stranger_is_refused_by_the_engine_behind_the_door(two: Serving) -> None:
    assert ask(two.door(), key="guess").status_code == 401


def test_an_engine_that_is_killed_in_the_middle_ends_the_answer_and_comes_back(
    tmp_path: Path,
) -> None:
    with serving(
        tmp_path, "--gpus", "1x24", FAKE_VLLM_TOKENS="10000", FAKE_VLLM_TOKEN_S="0.05"
    ) as it:
        it.until_said(": up")
        outcome: list[object] = []

        def question() -> None:
            try:
                outcome.append(ask(it.door(), stream=True).text)
            except httpx.HTTPError as error:
                outcome.append(error)

        asking = threading.Thread(target=question)
        asking.start()
        it.until(
            lambda: "num_requests_running" in _metrics(it.door()) and " 1.0" in _metrics(it.door()),
            "busy",
        )
        os.kill(it.seen()["pid"], signal.SIGKILL)
        asking.join(30)
        assert isinstance(outcome[0], httpx.RemoteProtocolError)
        it.until_said(": failed (ended by SIGKILL")
        it.until_said(": up", times=2)
        assert looked(it.door(), "/health") == 200


def _metrics(door: str) -> str:
    return httpx.get(f"{door}/metrics", trust_env=False, timeout=10).text


def test_a_stop_takes_nothing_new_and_lets_the_running_answer_end(tmp_path: Path) -> None:
    with serving(
        tmp_path, "--gpus", "1x24", FAKE_VLLM_TOKENS="120", FAKE_VLLM_TOKEN_S="0.05"
    ) as it:
        it.until_said(": up")
        answers: list[str] = []
        asking = threading.Thread(target=lambda: answers.append(ask(it.door(), stream=True).text))
        asking.start()
        it.until(lambda: " 1.0" in _metrics(it.door()), "busy")
        it.process.send_signal(signal.SIGTERM)
        it.until_said(": draining")
        refused = ask(it.door())
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "ENGINE_STARTING"
        asking.join(30)
        assert "word119" in answers[0]
        assert "[DONE]" in answers[0]
        assert it.process.wait(30) == 0


def test_it_sleeps_in_quiet_hours_and_is_woken_by_a_question(tmp_path: Path) -> None:
    hours = ("--quiet", "00:00-24:00", "--idle-minutes", "0.02")
    with serving(tmp_path, "--gpus", "1x24", *hours) as it:
        it.until_said(": asleep")
        assert looked(it.door(), "/v1/models") == 200
        assert looked(it.door(), "/health") == 200
        assert ask(it.door(), key="guess").status_code == 401
        assert not (it.seen_in / f"{it.ports[0]}.json").exists()
        assert ask(it.door()).json()["choices"]
        it.until_said(": asleep", times=2)
        assert ask(it.door()).json()["choices"]


def test_without_a_program_it_says_how_to_get_one(tmp_path: Path) -> None:
    with serving(tmp_path, "--gpus", "1x24", KB_VLLM="/nowhere/vllm") as it:
        assert it.process.wait(60) == 1
        it.until_said("There is no program /nowhere/vllm")
