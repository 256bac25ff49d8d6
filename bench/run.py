"""Every measurement, one after the other.

python -m bench [--only ingest,retrieval,answer] [--out FILE]
python -m bench --url http://127.0.0.1:8000 --key fn_… [--model-host http://127.0.0.1:8011]

Without ``--key`` an instance of its own is started on an empty folder and removed afterwards.
"""

import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import psutil

from bench.client import arguments, figure, note
from bench.instance import ROOT, instance

ALL = ("ingest", "retrieval", "answer")


def main() -> None:
    parser = arguments("All measurements")
    parser.add_argument("--only", default=",".join(ALL))
    parser.add_argument("--model-host", default="http://127.0.0.1:8011")
    given = parser.parse_args()
    if given.key:
        _all(given)
        return
    with instance() as own:
        given.url, given.key, given.model_host = own.url, own.key, own.model_host
        os.environ["MODEL_HOST_TOKEN"] = own.model_host_token
        _all(given)
        _memory(own.pid)


def _all(given: Namespace) -> None:
    failed = [name for name in given.only.split(",") if not _one(name, given)]
    if failed:
        msg = f"did not finish: {', '.join(failed)}"
        raise SystemExit(msg)


def _one(name: str, given: Namespace) -> bool:
    note(f"bench.{name}")
    command = [sys.executable, "-m", f"bench.{name}", "--url", given.url]
    if name == "ingest":
        command += ["--model-host", given.model_host]
    env = {**os.environ, "FOOTNOTE_KEY": given.key}
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode == 0


def _memory(supervisor: int) -> None:
    """Resident memory of each part after all that work."""
    for process in psutil.Process(supervisor).children(recursive=True):
        megabytes = process.memory_info().rss / 1024**2
        words = [Path(word).name for word in process.cmdline()[1:] if not word.startswith("-")]
        figure("memory", "rss_mb", megabytes, process=" ".join(words)[:60])


if __name__ == "__main__":
    main()
