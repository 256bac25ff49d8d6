"""Dockerfile and compose.yaml say what the program knows. No container is started here."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from kb_platform.env import Env
from kb_platform.parts import plan
from tests.apps.operations.supervised import ROOT

KNOWN = {f"KB_{name.upper()}" for name in Env.model_fields}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
ROLES = {
    name: service["environment"]
    for name, service in COMPOSE["services"].items()
    if "KB_PARTS" in service.get("environment", {})
}


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_of_compose_is_one_that_the_program_reads(role: str) -> None:
    assert set(ROLES[role]) - KNOWN == set()


def test_every_variable_of_the_image_is_one_that_the_program_reads() -> None:
    assert set(re.findall(r"^\s*(KB_\w+)=", DOCKERFILE, re.MULTILINE)) - KNOWN == set()


def test_compose_runs_each_part_once_and_leaves_out_only_redis() -> None:
    started = Counter(part for role in ROLES.values() for part in role["KB_PARTS"].split(","))
    everything = set(Env.model_fields["parts"].default.split(","))
    assert set(started) == everything - {"redis"}
    assert set(started.values()) == {1}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_of_compose_makes_a_plan(role: str, tmp_path: Path) -> None:
    given = {
        name.removeprefix("KB_").lower(): re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)
        for name, value in ROLES[role].items()
        if not re.search(r"\$\{\w+:\?", value)
    }
    values = Env(**{**given, "data_dir": tmp_path, "host": "0.0.0.0", "engines": "real"})
    names = {part.name for part in plan(values).parts} - {"prepare", "models"}
    assert names == set(ROLES[role]["KB_PARTS"].split(","))


def test_the_image_holds_every_folder_that_the_program_is_made_of() -> None:
    copied = set(re.findall(r"^COPY (?:--from=\w+ )?/?(?:src/)?(\w+)/?", DOCKERFILE, re.MULTILINE))
    assert {"apps", "kb_platform", "workers", "templates", "static", "locale"} <= copied


def test_the_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert users == ["10001"]
