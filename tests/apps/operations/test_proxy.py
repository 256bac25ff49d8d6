"""The shipped proxy configuration, in a real nginx: TLS 1.3, HSTS, who is believed, what passes."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kb_platform.env import ROOT

NAME = "kb.example.com"
TEMPLATE = ROOT / "deploy" / "nginx.conf.template"
_PLACES = [os.environ.get("NGINX_PROGRAM", ""), shutil.which("nginx") or "", "/usr/sbin/nginx"]
NGINX = next((place for place in _PLACES if place and Path(place).exists()), "")


def test_the_configuration_speaks_tls_1_3_only() -> None:
    text = TEMPLATE.read_text()
    said = {line.strip() for line in text.splitlines() if "ssl_protocols" in line}
    assert said == {"ssl_protocols TLSv1.3;"}
    assert "max-age=31536000" in text


class _Echo(BaseHTTPRequestHandler):
    """Answers with the headers that arrived."""

    def do_GET(self) -> None:
        body = json.dumps({key.lower(): value for key, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Strict-Transport-Security", "max-age=1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@dataclass
class Proxy:
    """A running nginx."""

    port: int
    plain: int
    certificate: Path

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def handshake(self, context: ssl.SSLContext, name: str) -> str | None:
        """The version of TLS that both sides agree on."""
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        with raw, context.wrap_socket(raw, server_hostname=name) as secure:
            return secure.version()

    def get(self, path: str = "/", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        with raw, self.context().wrap_socket(raw, server_hostname=NAME) as secure:
            connection = http.client.HTTPConnection(NAME)
            connection.sock = secure
            connection.request("GET", path, headers={"Host": NAME, **headers})
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            return answer, body


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "footnote.crt").write_bytes(made.public_bytes(pem))
    plain = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    (folder / "footnote.key").write_bytes(key.private_bytes(pem, *plain))


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    if not NGINX:
        pytest.skip("nginx is not installed here (or named in NGINX_PROGRAM)")
    folder = tmp_path_factory.mktemp("nginx")
    _certificate(folder)
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    port, plain = _free_port(), _free_port()
    text = TEMPLATE.read_text()
    for old, new in {
        "${SERVER_NAME}": NAME,
        "${UPSTREAM}": f"127.0.0.1:{upstream.server_port}",
        "${BODY_MB}": "1",
        "listen 443": f"listen {port}",
        "listen 80": f"listen {plain}",
        "/etc/nginx/tls": str(folder),
        "/var/log/nginx": str(folder),
    }.items():
        text = text.replace(old, new)
    lines = [line for line in text.splitlines() if "listen [::]" not in line]
    (folder / "site.conf").write_text("\n".join(lines))
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log;"
        f"events {{}} http {{ access_log off; {temporary} include {folder}/site.conf; }}"
    )
    running = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        _wait_for(port, running)
        yield Proxy(port, plain, folder / "footnote.crt")
    finally:
        running.terminate()
        running.wait(timeout=20)
        upstream.shutdown()
        upstream.server_close()


def _wait_for(port: int, running: "subprocess.Popen[bytes]") -> None:
    for _attempt in range(200):
        assert running.poll() is None, "nginx did not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("nginx does not listen")


def test_tls_1_3_is_spoken_and_1_2_is_not(proxy: Proxy) -> None:
    assert proxy.handshake(proxy.context(), NAME) == "TLSv1.3"
    old = proxy.context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        proxy.handshake(old, NAME)


def test_another_name_gets_no_certificate(proxy: Proxy) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized"):
        proxy.handshake(proxy.context(), "other.example.com")


def test_every_answer_carries_hsts_once(proxy: Proxy) -> None:
    answer, _body = proxy.get()
    wanted = ["max-age=31536000; includeSubDomains"]
    assert answer.headers.get_all("Strict-Transport-Security") == wanted
    too_long, _body = proxy.get("/" + "x" * 20000)
    assert too_long.status == 414
    assert "nginx/" not in too_long.headers["Server"]


def test_what_a_client_says_of_itself_is_replaced(proxy: Proxy) -> None:
    forged = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "http",
        "Forwarded": "for=203.0.113.9",
    }
    _answer, body = proxy.get("/", **forged)
    heard = json.loads(body)
    assert heard["x-forwarded-for"] == "127.0.0.1"
    assert heard["x-forwarded-proto"] == "https"
    assert "forwarded" not in heard
    assert heard["host"] == NAME


def test_a_socket_is_passed_through(proxy: Proxy) -> None:
    _answer, body = proxy.get("/ws/chat", Upgrade="websocket", Connection="Upgrade")
    heard = json.loads(body)
    assert (heard["upgrade"], heard["connection"]) == ("websocket", "upgrade")


def test_plain_http_leads_to_tls(proxy: Proxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.plain, timeout=20)
    connection.request("GET", "/me?x=1", headers={"Host": NAME})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{NAME}/me?x=1")
    connection.close()


@pytest.mark.parametrize(
    "path", ["/api/v1/documents", "/api/chat", "/v1/models", "/mcp", "/scim/v2"]
)
def test_a_program_that_speaks_plain_http_is_told_so(proxy: Proxy, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.plain, timeout=20)
    connection.request("POST", path, headers={"Host": NAME, "Authorization": "Bearer fn_x"})
    answer = connection.getresponse()
    assert (answer.status, answer.headers.get("Location")) == (403, None)
    assert "https" in json.loads(answer.read())["error"]["message"]
    connection.close()


def test_no_address_is_written_down(proxy: Proxy) -> None:
    """One-time links are addresses."""
    proxy.get("/join/a-token-of-somebody")
    log = (proxy.certificate.parent / "footnote.log").read_text()
    assert "GET 200" in log
    assert "a-token" not in log
