"""Another worker host for an installation under measurement. A supervisor with a folder of its own
stands in for a machine; what machines share (database, Redis, files) is shared."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.instance import ROOT, START_S, Instance, supervised

# What docs/operations.md wants on shared storage; all else is each machine's own.
SHARED = ("files", "parsed")
NEEDED = ("KB_DATABASE_URL", "KB_REDIS_URL")


def require_services() -> None:
    """Ends the program with a sentence where machines would have nothing to share."""
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        raise SystemExit(
            f"More than one host needs {' and '.join(missing)}: "
            "put `python scripts/services.py --` before the command."
        )


@contextmanager
def worker_host(own: Instance, number: int) -> Iterator[int]:
    """A machine that only reads and embeds; the id of its supervisor."""
    with tempfile.TemporaryDirectory(prefix=f"footnote-bench-host{number}-") as name:
        folder = Path(name)
        for shared in SHARED:
            (own.folder / shared).mkdir(parents=True, exist_ok=True)
            (folder / shared).symlink_to(own.folder / shared)
        env = {
            **own.env,
            "KB_DATA_DIR": name,
            "KB_NODE_NAME": f"host{number}",
            "KB_PARTS": "worker-parse,worker-embed",
            "KB_MODEL_HOST_URL": own.model_host,
            "KB_INDEX_HOST_URL": f"http://127.0.0.1:{own.env['KB_INDEX_HOST_PORT']}",
        }
        with supervised(env) as process:
            _until_ready(env, process)
            yield process.pid


def _until_ready(env: dict[str, str], process: subprocess.Popen[bytes]) -> None:
    command = [sys.executable, "-m", "workers.supervise", "--status"]
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        if subprocess.run(command, cwd=ROOT, env=env, check=False, capture_output=True).returncode:
            time.sleep(2)
            continue
        return
    msg = "the other host did not become ready"
    raise SystemExit(msg)


def differences(own: Instance) -> int:
    """0 where database, index and files tell the same (``manage.py reconcile``), 1 otherwise."""
    command = [sys.executable, "manage.py", "reconcile"]
    return subprocess.run(command, cwd=ROOT, env=own.env, check=False, stdout=sys.stderr).returncode
