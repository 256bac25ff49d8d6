"""How long a collection takes to follow a folder, and to see that nothing changed.

python -m bench.sources --key fn_… --folder /srv/shares [--files 2000]

The folder lies below KB_SOURCE_FOLDERS of the instance, on the same machine. What is written there
is removed at the end.
"""

import os
import shutil
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.client import Client, arguments, figure, room

PER_FOLDER = 100
_ENDED = ("done", "partly", "asking", "failed")


def main() -> None:
    parser = arguments("Following a folder")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--files", type=int, default=2000)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=given.folder))
    folder.chmod(0o755)
    try:
        _write(folder, given.files)
        with (
            Client(given.url, given.key) as client,
            room(client, "Bench sources", keep=given.keep) as workspace,
        ):
            _measure(client, client.collection(workspace, "followed"), folder)
    finally:
        shutil.rmtree(folder)


def _write(folder: Path, files: int) -> None:
    an_hour_ago = time.time() - 3600
    for n in range(files):
        path = folder / f"{n // PER_FOLDER:03}" / f"note {n:05}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# Note {n}\n\n" + f"The pump of hall {n} is inspected in May. " * 20)
        os.utime(path, (an_hour_ago, an_hour_ago))


def _measure(client: Client, collection: str, folder: Path) -> None:
    body = {"kind": "folder", "name": "bench", "settings": {"path": str(folder)}}
    made = client.call("POST", f"collections/{collection}/sources", json=body)
    _told("first_run_s", _ended(client, made["id"]))
    client.call("POST", f"sources/{made['id']}/runs", json={})
    _told("run_without_changes_s", _ended(client, made["id"]))


def _ended(client: Client, source: str) -> dict[str, Any]:
    """The last run, once it has come to an end."""
    while True:
        run: dict[str, Any] = client.call("GET", f"sources/{source}")["last_run"]
        if run["state"] in _ENDED:
            return run
        time.sleep(0.3)


def _told(name: str, run: dict[str, Any]) -> None:
    began, ended = (datetime.fromisoformat(run[key]) for key in ("started_at", "finished_at"))
    counts = {key: run[key] for key in ("state", "seen", "added", "unchanged", "failed")}
    figure("sources", name, (ended - began).total_seconds(), **counts)


if __name__ == "__main__":
    main()
