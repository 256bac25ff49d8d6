"""A whole installation in processes of its own: what `make run` starts, with fake models.

Only the models are fakes: a hash embedder in the model host and a scripted language model. Redis,
the index, the workers and the web are those of a one-machine installation.
"""

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, Self
from urllib.error import URLError
from urllib.request import urlopen

from tests.fake_openai import FakeOpenAI

ROOT = Path(__file__).resolve().parent.parent.parent
START_S = 120.0
STOP_S = 40.0
_LINK = re.compile(r"https?://\S+/setup/\S+")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Installation:
    """``with Installation(folder) as site``: ``site.address`` answers, ``site.model`` is scripted."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.model = FakeOpenAI()
        self.variables = variables
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self.address = ""
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.model.__enter__()
        web, model_host, index_host, llm = free_ports(4)
        self.address = f"http://127.0.0.1:{web}"
        ports = {"PORT": web, "MODEL_HOST_PORT": model_host, "INDEX_HOST_PORT": index_host}
        self.folder.mkdir(parents=True, exist_ok=True)
        self.environment = self._environment({**ports, "LLM_PORT": llm})
        self._log = (self.folder / "supervisor.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workers.supervise"],
            cwd=ROOT,
            env=self.environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._await("the web", lambda: self._answers() and self._is_ready())
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(STOP_S)
        if self._log is not None:
            self._log.close()
        self.model.__exit__(None, None, None)

    @property
    def output(self) -> str:
        return (self.folder / "supervisor.log").read_text(errors="replace")

    @property
    def setup_link(self) -> str:
        """The one-time address that makes the first administrator, as a person reads it."""
        self._await("the link of the first run", lambda: bool(_LINK.search(self.output)))
        found = _LINK.search(self.output)
        assert found
        return found.group(0)

    def _environment(self, ports: dict[str, int]) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("KB_")}
        chosen = {
            "DATA_DIR": str(self.folder / "data"),
            "LOCAL_MODELS": "fake",
            "LLM_BASE_URL": self.model.base_url,
            "LLM_MODEL": "fake-model",
            "LLM_CONTEXT_TOKENS": "3000",
            "FETCH_PRIVATE_ADDRESSES": "true",
            **{name: str(port) for name, port in ports.items()},
            **self.variables,
        }
        return ours | {f"KB_{name}": value for name, value in chosen.items()}

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.address}/api/v1/health", timeout=5) as response:
                return bool(response.status == 200)
        except (URLError, OSError):
            return False

    def _is_ready(self) -> bool:
        """The workers come after the web; a document waits for them."""
        return all(f"worker-{queue} ready" in self.output for queue in ("light", "parse", "embed"))

    def _await(self, what: str, is_there: Any) -> None:
        end = time.monotonic() + START_S
        while not is_there():
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > end:
                self.__exit__()
                raise RuntimeError(f"{what} did not come:\n{self.output}")
            time.sleep(0.3)
