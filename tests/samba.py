"""A real Active Directory: Samba as a domain controller, on the loopback.

It wants port 636 and a file system of its own ideas, so root and Debian's packages samba,
samba-dsdb-modules, samba-vfs-modules and samba-ad-provision.

People: anna, ben, clara (disabled), david (expired), emma (to be renamed) below ou=Staff, password
``Secret-NAME-1``. Groups: audit ⊂ finance ⊂ office; crowd with 1,600 members, of them anna.
``footnote`` reads.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ldap
import ldap.modlist

from tests import slapd

SAMBA, TOOL = shutil.which("samba", path="/usr/sbin:/usr/bin"), shutil.which("samba-tool")
VFS = Path("/usr/lib/x86_64-linux-gnu/samba/vfs/acl_xattr.so")
URL = "ldaps://127.0.0.1"
BASE = "DC=acme,DC=example"
STAFF, GROUPS = f"OU=Staff,{BASE}", f"OU=Teams,{BASE}"
READER, PASSWORD = f"CN=footnote,CN=Users,{BASE}", "Reader-secret-1"
ADMIN, ADMIN_PASSWORD = "administrator@acme.example", "Adm1n-secret!"
NAMES = ("anna", "ben", "clara", "david", "emma")
CROWD = 1600
_ENABLED, _DISABLED, _NO_EXPIRY = 0x200, 0x202, 0x10000


def missing() -> str:
    """Why it cannot run here; empty when it can."""
    if SAMBA is None or TOOL is None or not VFS.exists():
        return "samba is not installed: apt-get install samba samba-dsdb-modules samba-vfs-modules samba-ad-provision"
    return "" if os.geteuid() == 0 else "samba wants port 636: only for root"


@dataclass
class Samba:
    """A running domain controller."""

    folder: Path
    process: Any = None

    @property
    def ca(self) -> str:
        return (self.folder / "ca.pem").read_text()

    def admin(self) -> Any:
        return _connected(self, ADMIN, ADMIN_PASSWORD)


def person(name: str) -> str:
    return f"CN={name.title()} Muster,{STAFF}"


def group(name: str) -> str:
    return f"CN={name},{GROUPS}"


def _connected(server: Samba, who: str, password: str) -> Any:
    connection = ldap.initialize(URL)
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(server.folder / "ca.pem"))
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.simple_bind_s(who, password)
    return connection


# --- what is in it --------------------------------------------------------------------------------
def _add(connection: Any, dn: str, **attributes: Any) -> None:
    values = {
        name: [each if isinstance(each, bytes) else str(each).encode() for each in found]
        for name, value in attributes.items()
        for found in [value if isinstance(value, list) else [value]]
    }
    connection.add_s(dn, ldap.modlist.addModlist(values))


def _add_person(connection: Any, dn: str, login: str, password: str, **more: Any) -> None:
    _add(
        connection,
        dn,
        objectClass="user",
        sAMAccountName=login,
        userPrincipalName=f"{login}@acme.example",
        unicodePwd=f'"{password}"'.encode("utf-16-le"),
        **{"userAccountControl": _ENABLED | _NO_EXPIRY, **more},
    )


def _fill(connection: Any) -> None:
    for base in (STAFF, GROUPS, f"OU=Crowd,{BASE}"):
        _add(connection, base, objectClass="organizationalUnit")
    _add_person(connection, READER, "footnote", PASSWORD)
    for name in NAMES:
        more: dict[str, Any] = {"mail": f"{name}@acme.example", "displayName": f"{name} Muster"}
        if name == "clara":
            more["userAccountControl"] = _DISABLED | _NO_EXPIRY
        if name == "david":
            more["accountExpires"] = 131_000_000_000_000_000  # in 2016
        _add_person(connection, person(name), name, f"Secret-{name}-1", **more)
    _add(connection, group("audit"), objectClass="group", member=person("anna"))
    _add(connection, group("finance"), objectClass="group", member=group("audit"))
    _add(connection, group("office"), objectClass="group", member=[group("finance"), person("ben")])


def _crowd() -> str:
    """A group of many, as a file: over the wire it takes minutes."""
    contacts = [f"CN=contact{n},OU=Crowd,{BASE}" for n in range(CROWD - 1)]
    entries = [f"dn: {dn}\nobjectClass: contact" for dn in contacts]
    members = "\n".join(f"member: {dn}" for dn in [*contacts, person("anna")])
    entries.append(f"dn: {group('crowd')}\nobjectClass: group\nsAMAccountName: crowd\n{members}")
    return "\n\n".join(entries) + "\n"


# --- running --------------------------------------------------------------------------------------
def _provision(folder: Path) -> None:
    options = {
        "interfaces": "lo",
        "bind interfaces only": "yes",
        "server services": "ldap",
        "tls keyfile": folder / "server.key",
        "tls certfile": folder / "server.pem",
        "tls cafile": folder / "ca.pem",
        "log file": folder / "samba.log",
        "pid directory": folder,
        "ncalrpc dir": folder / "ncalrpc",
        "rpc server port": 0,
    }
    subprocess.run(
        [
            str(TOOL),
            *("domain", "provision", "--realm=ACME.EXAMPLE", "--domain=ACME", "--server-role=dc"),
            *("--dns-backend=NONE", f"--targetdir={folder}", f"--adminpass={ADMIN_PASSWORD}"),
            *("--host-name=dc1", "--host-ip=127.0.0.1"),
            *(f"--option={name}={value}" for name, value in options.items()),
        ],
        check=True,
        capture_output=True,
    )


@contextmanager
def running(folder: Path) -> Iterator[Samba]:
    """A domain of its own, filled. Takes about half a minute."""
    folder.mkdir(parents=True)
    slapd._certificates(folder)
    (folder / "server.key").chmod(0o600)
    _provision(folder)
    server = Samba(folder)
    command = [str(SAMBA), "-F", "--no-process-group", "-M", "single", "-d", "0"]
    server.process = subprocess.Popen(
        [*command, "-s", str(folder / "etc" / "smb.conf")],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        connection = _waited(server)
        _fill(connection)
        connection.unbind_s()
        _load(folder, _crowd())
        yield server
    finally:
        server.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(10)
        server.process.kill()
        server.process.stdin.close()


def _load(folder: Path, ldif: str) -> None:
    (folder / "crowd.ldif").write_text(ldif)
    database = folder / "private" / "sam.ldb"
    command = ["ldbadd", "-H", str(database), str(folder / "crowd.ldif")]
    subprocess.run(command, check=True, capture_output=True)


def _waited(server: Samba) -> Any:
    for _ in range(300):
        try:
            return server.admin()
        except ldap.SERVER_DOWN:
            assert server.process.poll() is None, "samba ended"
            time.sleep(0.1)
    msg = "samba did not come up"
    raise TimeoutError(msg)
