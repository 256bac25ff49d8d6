"""The local language model, behind an OpenAI-compatible port of its own.

    python -m workers.llm_host --models-dir DIR --port 8013

llama.cpp does the work (``xllamacpp``); this process names the model, guards the port and ends well.
"""

import argparse
import os
import signal
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

from apps.core import lines
from workers import hosting

_MODEL = "qwen2.5-coder-1.5b-instruct-q4_k_m"
# Prompts that were read before and may come again: a conversation goes on where it was.
_PROMPT_CACHE_MIB = 512


def model_file(models_dir: Path, name: str) -> Path:
    """The GGUF file of a fetched model; ends the process with a sentence when it is missing."""
    path = models_dir / name / "model.gguf"
    if not path.is_file():
        hosting.fail(
            f"The model {name} is not in {models_dir}. Fetch it with: "
            f"python -m apps.engines.catalogue.fetch --models-dir {models_dir} {name}"
        )
    return path


def serve(chosen: argparse.Namespace, token: str) -> None:
    """Answer until SIGTERM or SIGINT; answers that are being written are broken off."""
    path = model_file(chosen.models_dir, chosen.model)
    _check_port(chosen.host, chosen.port)
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    if chosen.with_parent:
        hosting.follow_parent()
    import xllamacpp  # noqa: PLC0415 - heavy, and not wanted when an argument is wrong

    settings = xllamacpp.CommonParams()
    settings.model.path = str(path)
    settings.model_alias = {chosen.alias or chosen.model}
    settings.hostnames = [chosen.host]
    settings.port = chosen.port
    settings.api_keys = [token] if token else []
    settings.n_ctx = chosen.context
    settings.n_parallel = chosen.parallel
    # One memory for all slots: a single long question may use the whole of it.
    settings.kv_unified = True
    settings.cpuparams.n_threads = chosen.threads
    settings.cpuparams_batch.n_threads = chosen.threads
    settings.cache_prompt = True
    settings.cache_ram_mib = _PROMPT_CACHE_MIB
    settings.endpoint_metrics = True
    # Slots show the questions of other people.
    settings.endpoint_slots = False
    settings.ui = False
    settings.verbosity = 3 if chosen.log_level.upper() in {"DEBUG", "INFO"} else 2
    server = xllamacpp.Server(settings)
    hosting.announce(server.listening_address)
    told.wait()
    # The library would wait for every reader of an open answer to go away; nothing is kept here.
    os._exit(0)


def _check_port(host: str, port: int) -> None:
    """The library waits for ever when its port is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            hosting.fail(f"Cannot listen on {host}:{port}: {error}")


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until told to stop."""
    parser = hosting.arguments("The local language model of Footnote.", port=8013)
    parser.add_argument("--models-dir", type=Path, required=True, help="folder of fetched models")
    parser.add_argument("--model", default=_MODEL, help="model in that folder")
    parser.add_argument("--alias", default="", help="name to ask for; empty: the model's own")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 2, help="threads")
    parser.add_argument("--context", type=int, default=8192, help="tokens in memory, all slots")
    parser.add_argument("--parallel", type=int, default=2, help="answers at the same time")
    chosen = parser.parse_args(argv)
    lines.begin(chosen.log_level, chosen.log_format)
    serve(chosen, hosting.token_of(chosen))


if __name__ == "__main__":
    main()
