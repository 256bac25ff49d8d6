"""Events reach a SIEM as syslog: every one, in order, over TLS, and no request waits for it."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.core.origin import came_from
from apps.events import chain, services
from apps.events.models import Event, Relay
from apps.events.siem import relay
from apps.events.siem.message import line_of
from apps.permissions.scope import entered, system_scope
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of
from tests.syslog_server import Authority, SyslogServer, authority

LINE = re.compile(
    r"<(?P<priority>\d+)>1 (?P<at>\S+Z) (?P<host>\S+) footnote - (?P<kind>\S+) "
    r"\[footnote@32473 (?P<values>.*?[^\\])\] \ufeff(?P<text>.*)"
)


@pytest.fixture
def made(tmp_path: Path) -> Authority:
    return authority(tmp_path)


def happened(user: User, *names: str) -> None:
    with came_from("203.0.113.9"), entered(scope_of(user)):
        for name in names:
            services.record("person.renamed", user, name=name)
    with system_scope("test: a worker"):
        chain.extend()


def run() -> int:
    with system_scope("test: a worker"):
        return relay.run()


def ids(server: SyslogServer) -> list[str]:
    return [re.findall(r' ?id="([0-9a-f-]+)"', line)[0] for line in server.messages]


def all_ids() -> list[str]:
    return [str(pk) for pk in Event.objects.order_by("position").values_list("pk", flat=True)]


def test_over_tls_with_a_certificate_authority_of_ones_own(
    alice: User, made: Authority, settings: Any
) -> None:
    happened(alice, *(f"name {number}" for number in range(450)))
    with SyslogServer(with_tls=made) as server:
        settings.SYSLOG = f"tls://localhost:{server.port}"
        settings.SYSLOG_CA_FILE = str(made.ca)
        assert run() == 450
        assert run() == 0
    assert ids(server) == all_ids()
    line = LINE.fullmatch(server.messages[0])
    assert line, server.messages[0]
    assert (line["priority"], line["kind"]) == ("109", "person.renamed")
    assert f'actor="{alice.email}"' in line["values"]
    assert 'address="203.0.113.9"' in line["values"]
    assert "Person renamed" in line["text"]


@pytest.mark.parametrize("fault", ["another authority", "another name"])
def test_a_server_that_is_not_the_right_one_gets_nothing(
    fault: str, alice: User, made: Authority, settings: Any, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    is_named = fault == "another authority"
    theirs = authority(other, name="localhost" if is_named else "elsewhere.example")
    happened(alice, "secret")
    with SyslogServer(with_tls=theirs) as server:
        settings.SYSLOG = f"tls://localhost:{server.port}"
        settings.SYSLOG_CA_FILE = str(made.ca if is_named else theirs.ca)
        assert run() == 0
    assert server.messages == []
    assert Relay.objects.get().reason == "tls"


def test_a_cut_connection_costs_no_event(alice: User, made: Authority, settings: Any) -> None:
    happened(alice, *(f"name {number}" for number in range(300)))
    with SyslogServer(with_tls=made, drops=2) as server:
        settings.SYSLOG = f"tls://localhost:{server.port}"
        settings.SYSLOG_CA_FILE = str(made.ca)
        for _attempt in range(4):
            Relay.objects.update(next_try_at=None)
            run()
    assert server.connections >= 3
    assert sorted(set(ids(server))) == sorted(all_ids())


def test_a_server_that_is_away_is_left_alone_for_a_while(alice: User, settings: Any) -> None:
    happened(alice, "name")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings.SYSLOG = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    assert run() == 0
    first = Relay.objects.get()
    assert (first.failures, first.reason) == (1, "connection")
    assert first.next_try_at is not None
    assert first.next_try_at > timezone.now()
    assert run() == 0
    assert Relay.objects.get().failures == 1  # it was not asked


def test_what_is_not_encrypted_does_not_leave_this_machine(alice: User, settings: Any) -> None:
    happened(alice, "name")
    settings.SYSLOG = "udp://192.0.2.1:514"
    assert run() == 0
    assert Relay.objects.get().reason == "not_encrypted"


def test_datagrams_to_this_machine(alice: User, settings: Any) -> None:
    happened(alice, "one", "two")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        settings.SYSLOG = f"udp://127.0.0.1:{server.getsockname()[1]}"
        assert run() == 2
        assert LINE.fullmatch(server.recv(65536).decode())


def test_names_of_documents_stay_here_unless_it_is_wanted(
    alice: User, collection: Collection, settings: Any
) -> None:
    with entered(scope_of(alice)):
        event = services.record("document.added", collection_id=collection.pk, name="Secret plan")
    assert "Secret plan" not in line_of(event).decode()
    assert str(collection.pk) in line_of(event).decode()
    settings.SYSLOG_DETAILS = "names"
    assert "Secret plan" in line_of(event).decode()


def test_no_name_looks_like_another_message(alice: User) -> None:
    alice.email = 'a"]\\\n<109>1 forged@example.com'
    with entered(scope_of(alice)):
        event = services.record("person.renamed", alice, name="x\n<0>1 forged\r\x01\u2028")
    event.actor = alice
    line = line_of(event).decode()
    assert not re.search(r"[\n\r\x01\u2028]", line)
    assert r"a\"\]\\ <109>1 forged" in line


def test_without_an_address_nothing_is_sent(alice: User) -> None:
    happened(alice, "name")
    assert run() == 0
    assert not Relay.objects.exists()


def test_the_system_page_says_how_far_it_is(
    admin: User, alice: User, client_of: Callable[[User], Client], settings: Any
) -> None:
    happened(alice, "name")
    settings.SYSLOG = "udp://192.0.2.1:514"
    run()
    page = client_of(admin).get("/administration/system").content.decode()
    assert "Events to the SIEM" in page
    assert "not encrypted, and not to this machine" in page


@pytest.fixture
def rsyslog(made: Authority, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """(port, file) of a real rsyslog with TLS."""
    program = shutil.which("rsyslogd") or shutil.which("rsyslogd", path="/usr/sbin:/sbin")
    if program is None or not list(Path("/usr/lib").rglob("rsyslog/lmnsd_ossl.so")):
        pytest.skip("rsyslog is not installed here (apt-get install rsyslog rsyslog-openssl)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found, settings = tmp_path / "found.log", tmp_path / "rsyslog.conf"
    settings.write_text(
        f"""
global(workDirectory="{tmp_path}" DefaultNetstreamDriver="ossl"
  DefaultNetstreamDriverCAFile="{made.ca}" DefaultNetstreamDriverCertFile="{made.certificate}"
  DefaultNetstreamDriverKeyFile="{made.key}")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
template(name="all" type="string" string="%app-name% %msgid% %structured-data% %msg%\\n")
input(type="imtcp" port="{port}" address="127.0.0.1")
action(type="omfile" file="{found}" template="all")
"""
    )
    running = subprocess.Popen([program, "-n", "-f", settings, "-i", tmp_path / "pid"])
    try:
        for _wait in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port, found
    finally:
        running.terminate()
        running.wait(10)


def test_a_real_rsyslog_understands_it(
    alice: User, made: Authority, rsyslog: tuple[int, Path], settings: Any
) -> None:
    port, found = rsyslog
    happened(alice, *(f"name {number}" for number in range(50)))
    settings.SYSLOG, settings.SYSLOG_CA_FILE = f"tls://localhost:{port}", str(made.ca)
    assert run() == 50
    for _wait in range(100):
        if found.exists() and len(found.read_text().splitlines()) >= 50:
            break
        time.sleep(0.1)
    lines = found.read_text().splitlines()
    assert [re.findall(r'id="([0-9a-f-]+)"', line)[0] for line in lines] == all_ids()
    assert all(line.startswith("footnote person.renamed [footnote@32473 ") for line in lines)
