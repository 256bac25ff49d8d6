"""Compiles locale/*/LC_MESSAGES/*.po to .mo. Babel instead of gettext: one program less to install."""

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent


def compile_messages(folder: Path) -> list[Path]:
    """Write a .mo beside every .po that is newer. Returns what was written."""
    written = []
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as po:
            catalog = read_po(po, locale=source.parent.parent.name, abort_invalid=True)
        temporary = target.with_suffix(".mo.new")
        with temporary.open("wb") as mo:
            write_mo(mo, catalog)
        temporary.replace(target)
        written.append(target)
    return written


if __name__ == "__main__":
    compile_messages(ROOT / "locale")
    sys.exit(0)
