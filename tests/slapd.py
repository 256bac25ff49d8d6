"""A real directory: OpenLDAP's slapd on ports of its own, filled with a small company.

People: 20 below ou=People, password ``secret-NAME``. Groups: six, nested (all ⊃ office ⊃ finance ⊃
audit; sales; crowd). ``cn=crowd`` has 1,500 members below ou=Crowd. ``cn=reader`` reads everything,
in pages of at most 1,000 entries, as Active Directory gives them.
"""

import datetime as dt
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import ldap
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SLAPD = shutil.which("slapd") or shutil.which("slapd", path="/usr/sbin:/usr/lib/openldap")
SLAPADD = shutil.which("slapadd", path="/usr/sbin:/usr/bin")
SCHEMA = Path("/etc/ldap/schema")
BASE = "dc=acme,dc=example"
PEOPLE, GROUPS, CROWD = f"ou=People,{BASE}", f"ou=Groups,{BASE}", f"ou=Crowd,{BASE}"
READER, READER_PASSWORD = f"cn=reader,{BASE}", "reader-secret"
ADMIN, ADMIN_PASSWORD = f"cn=admin,{BASE}", "admin-secret"
CROWD_SIZE = 1500
NAMES = [
    "wang",
    "li",
    "zhang",
    "liu",
    "chen",
    "yang",
    "huang",
    "zhao",
    "wu",
    "zhou",
    "anna",
    "ben",
    "clara",
    "david",
    "emma",
    "felix",
    "greta",
    "hans",
    "ida",
    "jan",
]
_CONFIG = """
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/nis.schema
include {schema}/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
database mdb
suffix "{base}"
rootdn "{admin}"
rootpw {admin_password}
directory {folder}/db
maxsize 67108864
dbnosync
limits dn.exact="{reader}" size.soft=1000 size.hard=1000 size.prtotal=unlimited
index objectClass,uid,mail,member,memberUid,entryUUID,cn eq
overlay ppolicy
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""


@dataclass
class Slapd:
    """A running server. ``admin()`` is a connection that may change everything."""

    folder: Path
    port: int
    tls_port: int
    process: Any = None

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ldaps://127.0.0.1:{self.tls_port}"

    @property
    def ca(self) -> str:
        return (self.folder / "ca.pem").read_text()

    def admin(self) -> Any:
        connection = ldap.initialize(self.url)
        connection.simple_bind_s(ADMIN, ADMIN_PASSWORD)
        return connection

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def person(name: str) -> str:
    return f"uid={name},{PEOPLE}"


def group(name: str) -> str:
    return f"cn={name},{GROUPS}"


# --- what is in it --------------------------------------------------------------------------------
def _ldif() -> str:
    entries = [
        f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Acme\ndc: acme",
        *(
            f"dn: {dn}\nobjectClass: organizationalUnit\nou: {dn[3:].partition(',')[0]}"
            for dn in (PEOPLE, GROUPS, CROWD)
        ),
        (
            f"dn: {READER}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n"
            f"cn: reader\nuserPassword: {READER_PASSWORD}"
        ),
        *(_person(name, PEOPLE) for name in NAMES),
        *(_person(f"extra{n:04}", CROWD) for n in range(CROWD_SIZE)),
        _group("audit", [person("wang"), person("li")]),
        _group("finance", [person("zhang"), group("audit")]),
        _group("sales", [person("anna"), person("ben")]),
        _group("office", [group("finance"), group("sales")]),
        # A ring: nothing may run for ever because of it.
        _group("all", [group("office"), person("jan"), group("all")]),
        _group("crowd", [f"uid=extra{n:04},{CROWD}" for n in range(CROWD_SIZE)]),
    ]
    return "\n\n".join(entries) + "\n"


def _person(name: str, where: str) -> str:
    # {CLEARTEXT} would be hashed by nobody either; the tests are of us and not of slapd's hashes.
    return (
        f"dn: uid={name},{where}\nobjectClass: inetOrgPerson\nobjectClass: shadowAccount\n"
        f"uid: {name}\ncn: {name.title()} Example\nsn: Example\nmail: {name}@acme.example\n"
        f"userPassword: secret-{name}"
    )


def _group(name: str, members: list[str]) -> str:
    lines = "\n".join(f"member: {dn}" for dn in members)
    return f"dn: {group(name)}\nobjectClass: groupOfNames\ncn: {name}\n{lines}"


# --- certificates ---------------------------------------------------------------------------------
def _certificates(folder: Path) -> None:
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Acme CA")])
    ca = _certificate(ca_name, ca_name, ca_key.public_key(), ca_key, is_ca=True)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    server = _certificate(name, ca_name, key.public_key(), ca_key, is_ca=False)
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(server.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _certificate(name: Any, issuer: Any, public: Any, signer: Any, *, is_ca: bool) -> Any:
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(signer, hashes.SHA256())
    )


# --- running --------------------------------------------------------------------------------------
def prepare(folder: Path) -> None:
    """A filled folder, from which servers are copied."""
    (folder / "db").mkdir(parents=True)
    _certificates(folder)
    (folder / "data.ldif").write_text(_ldif())
    _write_config(folder)
    command = [
        str(SLAPADD),
        "-q",
        "-f",
        str(folder / "slapd.conf"),
        "-l",
        str(folder / "data.ldif"),
    ]
    subprocess.run(command, check=True, capture_output=True)


def _write_config(folder: Path) -> None:
    text = _CONFIG.format(
        folder=folder,
        schema=SCHEMA,
        base=BASE,
        admin=ADMIN,
        admin_password=ADMIN_PASSWORD,
        reader=READER,
    )
    (folder / "slapd.conf").write_text(text)


@contextmanager
def running(template: Path, folder: Path) -> Iterator[Slapd]:
    """A server of its own on a copy of ``template``."""
    shutil.copytree(template, folder)
    _write_config(folder)
    server = Slapd(folder, _free_port(), _free_port())
    urls = f"ldap://127.0.0.1:{server.port} ldaps://127.0.0.1:{server.tls_port}"
    command = [str(SLAPD), "-d", "0", "-f", str(folder / "slapd.conf"), "-h", urls]
    server.process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        _wait(server)
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
        server.process.stderr.close()


def _wait(server: Slapd) -> None:
    for _ in range(200):
        try:
            server.admin().unbind_s()
        except ldap.SERVER_DOWN:
            assert server.process.poll() is None, server.process.stderr.read()
            time.sleep(0.05)
        else:
            return
    msg = "slapd did not come up"
    raise TimeoutError(msg)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
