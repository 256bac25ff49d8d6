"""A syslog server for tests: TLS or plain, reads octet counts, ends when the other side ends."""

import datetime as dt
import re
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of one's own, and the certificate of ``localhost`` that it made."""

    ca: Path
    certificate: Path
    key: Path


def authority(folder: Path, name: str = "localhost") -> Authority:
    root_key, leaf_key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"CA of {folder.name}")])
    root = _signed(root_name, root_key.public_key(), root_name, root_key, is_ca=True)
    leaf_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    leaf = _signed(leaf_name, leaf_key.public_key(), root_name, root_key, names=names)
    made = Authority(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    made.ca.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        leaf_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made


def _signed(subject, public, issuer, signer, *, is_ca=False, names=None):  # type: ignore[no-untyped-def]
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if is_ca:
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        made = made.add_extension(usage, critical=True)
    if names is not None:
        made = made.add_extension(names, critical=False)
    return made.sign(signer, hashes.SHA256())


@dataclass
class SyslogServer:
    """Takes connections one after the other until it is left. ``drops``: so many connections are
    cut in the middle of what they send."""

    with_tls: Authority | None = None
    drops: int = 0
    messages: list[str] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                made, _address = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            made.settimeout(5)
            try:
                self._read(self._wrapped(made))
            except OSError:
                made.close()

    def _wrapped(self, made: socket.socket) -> socket.socket:
        if self.with_tls is None:
            return made
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.with_tls.certificate, self.with_tls.key)
        return context.wrap_socket(made, server_side=True)

    def _read(self, made: socket.socket) -> None:
        if self.drops:
            self.drops -= 1
            made.recv(10)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            made.close()
            return
        held = b""
        while piece := made.recv(65536):
            held += piece
        self.messages += _unframed(held)
        if isinstance(made, ssl.SSLSocket):
            made.unwrap()
        made.close()


def _unframed(data: bytes) -> list[str]:
    found = []
    while data:
        counted = re.match(rb"(\d+) ", data)
        assert counted, data[:80]
        start = counted.end()
        found.append(data[start : start + int(counted[1])].decode())
        data = data[start + int(counted[1]) :]
    return found
