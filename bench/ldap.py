"""How long signing in with a directory takes, at a steady rate: python -m bench.ldap [--rate 5].

Starts OpenLDAP's slapd (20 people, six nested groups) and a web process on a folder of its own.
Each person signs in through the page, over TLS to the directory, with three rules to map. Begins a
new sign-in by the clock, whether the ones before are done or not.
"""

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.client import figure, note
from bench.instance import ROOT
from bench.metrics import percentile
from tests import slapd

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_FILL = """
from apps.accounts.models import Group, User
from apps.core.sealing import seal
from apps.directory.ldap.settings import PRESETS, Preset
from apps.directory.mapping import source_of
from apps.directory.models import Directory, MappingRule
User.objects.create_user(email="root@acme.example", password="x" * 20, is_administrator=True)
source = source_of("ldap:main")
Directory.objects.create(source=source, addresses={url!r}, ca={ca!r}, bind_dn={reader!r},
    secret=seal({password!r}), user_bases={people!r}, group_bases={groups!r}, is_on=True,
    **PRESETS[Preset.LDAP])
for name in ("all", "finance", "sales"):
    group = Group.objects.create(name=name)
    MappingRule.objects.create(source=source, outside=f"cn={{name}}," + {groups!r}, group=group)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footnote-ldap-") as name:
        folder = Path(name)
        slapd.prepare(folder / "template")
        with (
            slapd.running(folder / "template", folder / "slapd") as server,
            _web(folder / "data", server) as url,
        ):
            for person in slapd.NAMES[:4]:
                _sign_in(url, person)
            note(f"{given.rate:g} sign-ins a second for {given.seconds:g} s")
            _measure(url, given.rate, given.seconds)


def _measure(url: str, rate: float, seconds: float) -> None:
    begun = time.monotonic()
    with ThreadPoolExecutor(64) as people:
        waiting = []
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, begun + number / rate - time.monotonic()))
            waiting.append(people.submit(_sign_in, url, slapd.NAMES[number % len(slapd.NAMES)]))
        taken = [one.result() for one in waiting]
    for p in (50, 95, 99):
        figure("ldap", f"sign_in_p{p}_ms", percentile(taken, p) * 1000, rate=rate)
    figure("ldap", "sign_ins", len(taken))


def _sign_in(url: str, person: str) -> float:
    """Seconds from the button to the answer. The page itself was read before."""
    with httpx.Client(base_url=url, timeout=60) as browser:
        token = _TOKEN.search(browser.get("/sign-in").text)
        assert token is not None
        typed = {"username": person, "password": f"secret-{person}"}
        begun = time.monotonic()
        answer = browser.post("/sign-in", data={**typed, "csrfmiddlewaretoken": token[1]})
        assert answer.status_code == 302, answer.status_code
        return time.monotonic() - begun


@contextmanager
def _web(data: Path, server: slapd.Slapd) -> Iterator[str]:
    port = _free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("KB_")}
    env |= {
        "KB_DATA_DIR": str(data),
        "KB_ENGINES": "fake",
        "KB_SECRET_KEY": "k" * 50,
        "KB_PORT": str(port),
    }
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "-v0"], cwd=ROOT, env=env, check=True)
    fill = _FILL.format(
        url=server.tls_url,
        ca=server.ca,
        reader=slapd.READER,
        password=slapd.READER_PASSWORD,
        people=slapd.PEOPLE,
        groups=slapd.GROUPS,
    )
    subprocess.run([*manage, "shell", "-v0", "-c", fill], cwd=ROOT, env=env, check=True)
    serve = [sys.executable, "-m", "uvicorn", "kb_platform.asgi:application", "--port", str(port)]
    quiet = ["--log-level", "warning", "--no-access-log"]
    process = subprocess.Popen([*serve, *quiet], cwd=ROOT, env=env)
    try:
        _until_up(f"http://127.0.0.1:{port}/api/v1/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _until_up(url: str) -> None:
    for _ in range(240):
        try:
            httpx.get(url, timeout=5)
        except httpx.TransportError:
            time.sleep(0.25)
        else:
            return
    msg = "the web process did not come up"
    raise TimeoutError(msg)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
