"""Writes docs/openapi.yaml and the table of errors in docs/api.md; ``--check`` only compares."""

import os
import re
import sys
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_platform.settings")

import django  # noqa: E402 - found through the line above
from django.core.management import call_command  # noqa: E402
from django.utils import translation  # noqa: E402

SCHEMA = ROOT / "docs" / "openapi.yaml"
GUIDE = ROOT / "docs" / "api.md"
TABLE = re.compile(r"(<!-- errors -->\n).*?(<!-- end of errors -->)", re.DOTALL)


def schema() -> str:
    out = StringIO()
    call_command("spectacular", validate=True, stdout=out)
    return out.getvalue()


def guide() -> str:
    """The guide with its table of errors as the code has it."""
    return TABLE.sub(lambda found: found[1] + errors() + found[2], GUIDE.read_text("utf-8"))


def errors() -> str:
    from apps.core.errors import ErrorCode, message_of  # noqa: PLC0415 - after django.setup()

    rows = [f"| `{code}` | {message_of(code)} |" for code in ErrorCode]
    return "\n".join(["| code | sentence |", "|---|---|", *rows, ""])


def main(arguments: list[str]) -> int:
    django.setup()
    with translation.override("en"):
        wanted = {SCHEMA: schema(), GUIDE: guide()}
    if "--check" not in arguments:
        for path, text in wanted.items():
            path.write_text(text, "utf-8")
        return 0
    old = [path.name for path, text in wanted.items() if path.read_text("utf-8") != text]
    if old:
        sys.stderr.write(f"Not what the code says: {', '.join(old)}. Write anew: make api-docs\n")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
