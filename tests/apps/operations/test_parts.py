"""What the environment asks for is what is started."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kb_platform.env import Env
from kb_platform.fetch import wanted
from kb_platform.parts import plan
from tests.apps.operations.supervised import ROOT
from workers.supervision.plan import Part


def parts_of(tmp_path: Path, **values: Any) -> dict[str, Part]:
    given = {"data_dir": tmp_path, "engines": "real", **values}
    return {part.name: part for part in plan(Env(**given)).parts}


@pytest.fixture(autouse=True)
def _nothing_else_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the services of `make test-services` the environment names some already."""
    for name in ("KB_DATABASE_URL", "KB_REDIS_URL", "KB_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)


EVERYTHING = {
    *("prepare", "models", "redis", "model-host", "index-host", "llm"),
    *("worker-light", "worker-parse", "worker-embed", "beat", "web"),
}


def test_one_machine_starts_everything(tmp_path: Path) -> None:
    assert set(parts_of(tmp_path)) == EVERYTHING


@pytest.mark.parametrize(
    ("variable", "value", "gone"),
    [
        ("redis_url", "redis://elsewhere:6379/0", "redis"),
        ("llm_base_url", "http://vllm:8000/v1", "llm"),
        ("llm_host_url", "http://llm:8013", "llm"),
        ("embeddings_base_url", "http://tei:8080/v1", "model-host"),
        ("model_host_url", "http://model-host:8011", "model-host"),
        ("index_host_url", "http://index-host:8012", "index-host"),
    ],
)
def test_what_runs_elsewhere_is_not_started_here(
    tmp_path: Path, variable: str, value: str, gone: str
) -> None:
    assert set(parts_of(tmp_path, **{variable: value})) == EVERYTHING - {gone}


def test_a_part_that_is_asked_for_is_started_wherever_others_look_for_it(tmp_path: Path) -> None:
    url = "http://index-host:8012"
    assert set(parts_of(tmp_path, index_host_url=url, parts="index-host")) == {"index-host"}


def test_an_unknown_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="unknown part wbe"):
        parts_of(tmp_path, parts="redis,wbe")


def test_no_secret_is_on_a_command_line(tmp_path: Path) -> None:
    parts = parts_of(tmp_path)
    tokens = {part.env["FOOTNOTE_TOKEN"] for part in parts.values() if "FOOTNOTE_TOKEN" in part.env}
    words = {word for part in parts.values() for word in part.command}
    assert len(tokens) == 3
    assert not tokens & words


def test_only_the_machine_with_the_web_changes_the_database(tmp_path: Path) -> None:
    assert "--wait" not in parts_of(tmp_path)["prepare"].command
    assert "--wait" in parts_of(tmp_path, parts="worker-light")["prepare"].command


def test_parse_workers_are_as_many_as_asked_for(tmp_path: Path) -> None:
    command = parts_of(tmp_path, parse_workers=3)["worker-parse"].command
    assert command[command.index("--concurrency") + 1] == "3"


def test_models_that_others_serve_are_not_fetched() -> None:
    default = wanted(Env(engines="real"))
    assert len(default) == 2
    chat = wanted(Env(engines="real", embeddings_base_url="http://tei/v1"))
    embeddings = wanted(Env(engines="real", llm_base_url="http://vllm/v1"))
    assert {*chat, *embeddings} == set(default)
    assert not set(chat) & set(embeddings)
    assert wanted(Env(engines="real", local_models="fake")) == []


def test_a_wrong_value_is_named_with_its_variable(tmp_path: Path) -> None:
    env = {**os.environ, "KB_DATA_DIR": str(tmp_path), "KB_PORT": "eighty", "KB_LOG_TO": "tape"}
    done = subprocess.run(
        [sys.executable, "-m", "workers.supervise"],
        cwd=ROOT,
        env=env,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert "KB_PORT: " in done.stderr
    assert "KB_LOG_TO: " in done.stderr
    assert "Traceback" not in done.stderr
