"""The one client: to the address that was checked, under the name that was meant, within limits."""

import gzip
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apps.core.errors import AppError
from apps.sources import guard, web
from tests.apps.sources.conftest import refusal
from tests.apps.sources.served import Asked, Reply, Served

LookUp = Callable[[str, int], list[str]]


def read(client: web.Client, url: str) -> bytes:
    try:
        with client.ask("GET", url) as answer:
            return answer.read()
    finally:
        client.close()


def code(call: Callable[[], object]) -> str:
    return refusal(call).code


def names(monkeypatch: pytest.MonkeyPatch, **known: list[str]) -> list[str]:
    """Names that lead to these addresses; dots are written as underscores. What was looked up."""
    asked: list[str] = []

    def looked_up(host: str, _port: int) -> list[str]:
        asked.append(host)
        found = known.get(host.replace(".", "_"))
        return found if found is not None else [host]

    monkeypatch.setattr(guard, "looked_up", looked_up)
    return asked


@pytest.mark.parametrize(
    ("host", "port", "is_let"),
    [
        ("wiki.corp", 443, True),
        ("WIKI.corp", 8080, True),
        ("nas.corp", 8443, True),
        ("nas.corp", 443, False),
        ("deep.corp", 443, True),
        ("mixed.corp", 443, False),
        ("evil.wiki.corp", 443, False),
        ("metadata", 80, False),
    ],
)
def test_internal_servers_are_let_by_name_by_port_or_by_network(
    host: str, port: int, is_let: object, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SOURCE_HOSTS = ["wiki.corp", "nas.corp:8443", "10.20.0.0/16", "nonsense/99"]
    monkeypatch.setattr(
        guard,
        "looked_up",
        lambda name, _port: {
            "deep.corp": ["10.20.3.4"],
            "mixed.corp": ["10.20.3.4", "10.99.0.1"],
            "metadata": ["169.254.169.254"],
        }.get(name.lower(), ["192.168.0.9"]),
    )
    if is_let:
        assert guard.address_of(host, port)
    else:
        assert code(lambda: guard.address_of(host, port)) == "SOURCE_NOT_ALLOWED"


def test_the_name_is_looked_up_once_and_that_address_is_asked(
    site: Served, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SOURCE_HOSTS = ["rebinding.example"]
    asked = names(monkeypatch, rebinding_example=["127.0.0.1"])
    site.page("/", "hello")
    url = f"http://rebinding.example:{site.port}/"
    assert read(web.Client(url), url) == b"hello"
    assert asked == ["rebinding.example"]
    assert site.asked[0].headers["host"] == f"rebinding.example:{site.port}"


def test_each_hop_of_a_redirect_is_checked(
    site: Served, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, inner_example=["10.0.0.1"])
    site.page("/", "", status=302, Location="http://inner.example/secret")
    client = web.Client(site.url(), may_visit=lambda _url: True)
    assert code(lambda: read(client, site.url())) == "SOURCE_NOT_ALLOWED"


def test_credentials_stay_with_their_origin(site: Served, settings: Any) -> None:
    settings.SOURCE_HOSTS = ["127.0.0.1", "localhost"]
    site.page("/a", "", status=302, Location=f"http://localhost:{site.port}/b")
    site.page("/b", "there")
    client = web.Client(
        site.url(), auth=httpx.BasicAuth("ann", "geheim"), may_visit=lambda _url: True
    )
    assert read(client, site.url("/a")) == b"there"
    assert ["authorization" in each.headers for each in site.asked] == [True, False]


def test_a_redirect_elsewhere_is_not_followed_when_it_was_not_allowed(site: Served) -> None:
    site.page("/a", "", status=302, Location=f"http://localhost:{site.port}/b")
    assert code(lambda: read(web.Client(site.url()), site.url("/a"))) == "SOURCE_MISSING"
    assert len(site.asked) == 1


def test_redirects_without_end_end(site: Served) -> None:
    site.page("/a", "", status=302, Location="/a")
    assert code(lambda: read(web.Client(site.url()), site.url("/a"))) == "SOURCE_ANSWER"
    assert len(site.asked) == web.MOST_REDIRECTS + 1


def test_a_packed_answer_that_nobody_asked_for_is_unpacked_within_limits(site: Served) -> None:
    site.page("/a", gzip.compress(b"hello"), Content_Encoding="gzip")
    site.page("/bomb", gzip.compress(b"0" * 80_000_000), Content_Encoding="gzip")
    site.page("/odd", b"x", Content_Encoding="br")
    assert read(web.Client(site.url()), site.url("/a")) == b"hello"
    assert code(lambda: read(web.Client(site.url()), site.url("/bomb"))) == "TOO_LARGE"
    assert code(lambda: read(web.Client(site.url()), site.url("/odd"))) == "SOURCE_ANSWER"


def test_a_busy_server_is_asked_again_when_it_says(
    site: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("apps.sources.web.time.sleep", slept.append)

    def busy(_asked: Asked) -> Reply | None:
        return (429, {"Retry-After": "7"}, b"") if len(site.asked) < 3 else None

    site.answer = busy
    site.page("/", "at last")
    assert read(web.Client(site.url()), site.url()) == b"at last"
    assert slept == [7.0, 7.0]


def test_a_proxy_of_the_environment_is_not_used(
    site: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would look names up by itself, and go where it likes."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    site.page("/", "direct")
    assert read(web.Client(site.url()), site.url()) == b"direct"


# --- TLS ------------------------------------------------------------------------------------------
def _certificate(folder: Path, name: str) -> Path:
    """A certificate that only vouches for ``name``, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[int]:
    """The port of a server that is wiki.example, known to this machine by SSL_CERT_FILE."""
    path = _certificate(tmp_path, "wiki.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    settings.SOURCE_HOSTS = ["127.0.0.0/8"]
    names(monkeypatch, wiki_example=["127.0.0.1"], other_example=["127.0.0.1"])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"secret")

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_certificate_is_checked_for_the_name_and_not_for_the_address(secure: int) -> None:
    url = f"https://wiki.example:{secure}/"
    assert read(web.Client(url), url) == b"secret"
    other = f"https://other.example:{secure}/"
    with pytest.raises(AppError) as caught:
        read(web.Client(other), other)
    assert caught.value.details["reason"] == "certificate"
