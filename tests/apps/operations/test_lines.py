"""Lines of part logs: nobody outside begins one, and every program reads them."""

import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from apps.core.lines import FORMATTERS, JsonLines, Lines
from kb_platform.env import ROOT

FORGED = "report.pdf\n2026-11-22T00:00:00.000Z INFO apps.accounts signed in\x1b[2J\u2028x"


def _fail() -> None:
    raise ValueError(FORGED)


def _record(message: str, *arguments: object, exc_info: object = None) -> logging.LogRecord:
    made = logging.LogRecord("apps.test", logging.WARNING, "", 1, message, arguments, exc_info)
    made.created = datetime(2026, 11, 22, 4, 0, tzinfo=UTC).timestamp()
    return made


def test_a_line_says_its_time_in_utc() -> None:
    said = Lines().format(_record("%s went", "it"))
    assert said == "2026-11-22T04:00:00.000Z WARNING apps.test it went"


def test_what_comes_from_outside_begins_no_line() -> None:
    said = Lines().format(_record("not read: %s", FORGED))
    assert said.splitlines() == [said]
    assert r"report.pdf\n2026" in said
    assert "\x1b" not in said


@pytest.mark.parametrize("kind", FORMATTERS.values())
def test_nor_does_it_in_a_traceback(kind: type[logging.Formatter]) -> None:
    try:
        _fail()
    except ValueError:
        said = kind().format(_record("failed", exc_info=sys.exc_info()))
    first, *rest = said.splitlines()
    assert "failed" in first
    assert all(line.startswith("  ") for line in rest)
    assert "\x1b" not in said
    assert "ValueError" in said


def test_a_json_line_is_an_object_with_everything() -> None:
    said = JsonLines().format(_record("not read: %s", FORGED))
    assert said.splitlines() == [said]
    found = json.loads(said)
    assert found["message"] == f"not read: {FORGED}"
    assert (found["time"], found["level"]) == ("2026-11-22T04:00:00.000Z", "WARNING")
    assert (found["logger"], found["process"]) == ("apps.test", _record("").process)


def test_no_address_that_was_asked_for_is_written_down() -> None:
    """Uvicorn asks exactly this before it writes a line for each request."""
    asked = "import django, logging; django.setup(); "
    asked += "print(logging.getLogger('uvicorn.access').hasHandlers())"
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "kb_platform.settings"}
    said = subprocess.run(
        [sys.executable, "-c", asked], env=env, cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert said.stdout.strip() == "False"
