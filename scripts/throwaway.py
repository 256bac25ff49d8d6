"""Runs a Python program of this checkout on an empty data folder that is removed afterwards.

``python scripts/throwaway.py manage.py check``: no variable of the caller and no file of an
installation takes part.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    env = {name: value for name, value in os.environ.items() if not name.startswith("KB_")}
    with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
        env |= {"KB_DATA_DIR": folder, "KB_ENGINES": "fake", "KB_SECRET_KEY": "k" * 50}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
