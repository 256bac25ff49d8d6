"""Writes docs/configuration.md from ``kb_platform.env.Env``; ``--check`` only compares."""

import sys
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kb_platform.env import Env  # noqa: E402 - found through the line above

TARGET = ROOT / "docs" / "configuration.md"
HEAD = """# Configuration

Every variable of an installation. Set them in the environment of `make run`, `docker run` or the
service manager; a file of the same name in `/run/secrets` serves as well. A value that is wrong is
named when Footnote starts. What an administrator changes while it runs (model servers, people,
workspaces) is on the pages of the administration instead.

This page is written by `make configuration` from `kb_platform/env.py`.
"""


def page() -> str:
    """The whole page: one table per heading of the class."""
    parts = [HEAD]
    for heading, names in _sections().items():
        parts.append(f"\n## {heading}\n\n| variable | default | meaning |\n|---|---|---|\n")
        parts += [_row(name, Env.model_fields[name]) for name in names]
    return "".join(parts)


def _sections() -> dict[str, list[str]]:
    """Names of the fields under the ``# --- heading`` comments of the class, in their order."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in (ROOT / "kb_platform" / "env.py").read_text().splitlines():
        if line.startswith("    # --- "):
            heading = line.removeprefix("    # --- ").rstrip(" -").capitalize()
        name = line.strip().partition(":")[0]
        if line.startswith("    ") and not line.startswith("     ") and name in Env.model_fields:
            found.setdefault(heading, []).append(name)
    return found


def _row(name: str, field: FieldInfo) -> str:
    meaning = (field.description or "").replace("|", "\\|")
    if get_origin(field.annotation) is Literal:
        choices = ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
        meaning += f" One of {choices}."
    if SecretStr in (field.annotation, *get_args(field.annotation)):
        meaning += " A secret."
    return f"| `KB_{name.upper()}` | {_default(name, field)} | {meaning} |\n"


def _default(name: str, field: FieldInfo) -> str:
    places = {"data_dir": "`var` in the checkout", "models_dir": "`~/.cache/footnote/models`"}
    if name in places:
        return places[name]
    value = field.default
    if value is None or value == "":
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def main(arguments: list[str]) -> int:
    wanted = page()
    if "--check" not in arguments:
        TARGET.write_text(wanted)
        return 0
    if TARGET.read_text() != wanted:
        sys.stderr.write("docs/configuration.md is not what kb_platform/env.py says.\n")
        sys.stderr.write("Write it anew with: make configuration\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
