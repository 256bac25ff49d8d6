"""Requests made up from docs/openapi.yaml against a live installation, as several callers.

python -m tests.fuzz [--examples N] [--caller NAME] [--database URL] [more of `st run`]

Fails on an answer of 500 and on every answer that is not as the schema says.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.e2e.installation import ROOT, Installation

CALLERS = ("administrator", "manager", "member", "read-only key")
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,refuses_what_breaks_the_schema"
)
UNLIMITED = {"LIMIT_ANONYMOUS": "", "LIMIT_PERSON": ""}


def seeded(site: Installation) -> dict[str, Any]:
    """Keys of the callers, and the names of what there is."""
    command = [sys.executable, "-m", "tests.fuzz.seed"]
    said = subprocess.run(command, cwd=ROOT, env=site.environment, check=True, capture_output=True)
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def asked(
    site: Installation, there: dict[str, Any], caller: str, *, examples: int, more: list[str]
) -> int:
    """Ask everything of the schema as ``caller``; the exit status of Schemathesis."""
    env = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "FOOTNOTE_FUZZ_NAMES": json.dumps(there["names"]),
    }
    command = [
        *(str(Path(sys.executable).with_name("st")), "run", str(ROOT / "docs" / "openapi.yaml")),
        *("--url", site.address, "-H", f"Authorization: Bearer {there['keys'][caller]}"),
        *("--checks", CHECKS, "--max-examples", str(examples), "--generation-deterministic"),
        *("--phases", "examples,coverage,fuzzing"),
        *("--continue-on-failure", "--no-color", "--suppress-health-check", "all", *more),
    ]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--examples", type=int, default=30)
    parser.add_argument("--caller", action="append", choices=CALLERS)
    parser.add_argument("--database", default="")
    options, more = parser.parse_known_args()
    variables = {"DATABASE_URL": options.database} if options.database else {}
    with (
        tempfile.TemporaryDirectory(prefix="footnote-fuzz-") as folder,
        Installation(Path(folder), **UNLIMITED, **variables) as site,
    ):
        there = seeded(site)
        found = [
            asked(site, there, caller, examples=options.examples, more=more)
            for caller in options.caller or CALLERS
        ]
    return max(found)


if __name__ == "__main__":
    sys.exit(main())
