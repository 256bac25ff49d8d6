"""A web process of an installation that may be killed and started again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx

from tests.apps.documents.plant import ROOT, free_port, wait_until


class Web:
    """``web.start()``, ``web.kill()``: the same port and the same data each time."""

    def __init__(self, folder: Path, **variables: str) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("KB_", "PYTEST"))}
        self.env = kept | {
            "DJANGO_SETTINGS_MODULE": "kb_platform.settings",
            "KB_DATA_DIR": str(folder),
            "KB_ENGINES": "fake",
            "KB_LOG_LEVEL": "ERROR",
            "KB_BROKER_URL": "memory://",
            **variables,
        }
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        made = subprocess.run(
            [sys.executable, "-m", "tests.apps.intake.people"],
            cwd=ROOT,
            env=self.env,
            check=True,
            capture_output=True,
        )
        rows = json.loads(made.stdout.splitlines()[-1])
        self.collection = str(rows["collection"])
        self.headers = {"Authorization": f"Bearer {rows['key']}", "Tus-Resumable": "1.0.0"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = ["uvicorn", "kb_platform.asgi:application", "--log-level", "error"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *program, "--port", str(self.port)], cwd=ROOT, env=self.env
        )
        wait_until(self._answers, "the web answers")

    def kill(self) -> None:
        """As a power cut would: it says nothing and writes nothing more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, headers=self.headers, timeout=30)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/sign-in").status_code == 200
        except httpx.TransportError:
            return False
