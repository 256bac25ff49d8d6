"""Pages fetched from addresses that people type: public ones only, within limits."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from apps.accounts.models import User
from apps.core.errors import AppError, ErrorCode
from apps.documents import queries
from apps.documents.arrival import addresses, fetch
from apps.documents.models import Document
from apps.documents.services import Added
from apps.intake import archives
from apps.intake.models import Unpacking
from apps.workspaces.models import Collection
from tests.apps.documents.conftest import As, nothing_stored, searched
from tests.apps.engines.test_archives import tarred, zipped
from tests.samples import sample

PAGE = (
    "<html><head><title>门店</title></head><body><p>周六营业至二十一点。</p></body></html>".encode()
)


@dataclass
class Site:
    """A web server on this machine, with what it answers and what it was asked."""

    port: int = 0
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def answers(self, path: str, body: bytes, *, status: int = 200, **headers: str) -> str:
        self.pages[path] = (status, {k.replace("_", "-"): v for k, v in headers.items()}, body)
        return self.url(path)


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(f"{self.headers['Host']} {self.path}")
            status, headers, body = found.pages.get(self.path, (404, {}, b"no"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def open_to_this_machine(settings: Any) -> None:
    settings.FETCH_PRIVATE_ADDRESSES = True


def refusal(call: Callable[[], object]) -> AppError:
    with pytest.raises(AppError) as caught:
        call()
    return caught.value


# --- what is never asked --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://[::1]/",
        "http://0.0.0.0/",
        "http://10.0.0.5/",
        "http://172.16.3.4/",
        "http://192.168.1.1/admin",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
    ],
)
def test_private_addresses_are_refused_in_every_spelling(
    as_: As, alice: User, collection: Collection, url: str
) -> None:
    with as_(alice):
        error = refusal(lambda: archives.take_url(collection=collection, url=url))
    assert error.code == ErrorCode.ADDRESS_REFUSED
    assert nothing_stored()


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/x",
        "gopher://example.com:70/_x",
        "javascript:alert(1)",
        "https://user:password@example.com/",
        "http://example.com:99999/",
        "http:///nowhere",
        "http://example.com/\r\nX-Evil: 1",
        "not an address",
        "",
    ],
)
def test_other_schemes_and_spoilt_addresses_are_refused(
    as_: As, alice: User, collection: Collection, url: str
) -> None:
    with as_(alice):
        error = refusal(lambda: archives.take_url(collection=collection, url=url))
    assert error.code == ErrorCode.ADDRESS_REFUSED


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(*_args: Any, **_kwargs: Any) -> list[Any]:
        return [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    error = refusal(lambda: addresses.resolved(addresses.checked("http://two-faced.example/")))
    assert error.code == ErrorCode.ADDRESS_REFUSED


def test_a_redirect_to_a_private_address_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site itself passes as public; what it points to does not."""
    url = site.answers("/", b"", status=302, Location="http://10.0.0.1/secret")
    monkeypatch.setattr(addresses, "_is_public", lambda address: address == "127.0.0.1")
    with pytest.raises(AppError) as caught, fetch.fetch(url, max_bytes=1000):
        pass
    assert caught.value.code == ErrorCode.ADDRESS_REFUSED
    assert len(site.asked) == 1


def test_the_name_is_looked_up_once_a_request(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look-up could give another address than the one that was checked."""
    looked_up: list[str] = []

    def once(host: str, port: int, **_kwargs: Any) -> list[Any]:
        looked_up.append(host)
        address = "127.0.0.1" if len(looked_up) == 1 else "10.0.0.1"
        return [(2, 1, 6, "", (address, port))]

    monkeypatch.setattr(addresses, "_is_public", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(socket, "getaddrinfo", once)
    original = socket.create_connection
    monkeypatch.setattr(
        socket,
        "create_connection",
        lambda address, **kw: _connected(address, original, **kw),
    )
    site.answers("/", PAGE, Content_Type="text/html")
    with fetch.fetch(f"http://rebinding.example:{site.port}/", max_bytes=1000) as fetched:
        assert b"".join(fetched.pieces) == PAGE
    assert looked_up == ["rebinding.example"]
    assert site.asked == [f"rebinding.example:{site.port} /"]


def _connected(address: tuple[str, int], original: Any, **_kwargs: Any) -> socket.socket:
    assert address[0] == "127.0.0.1", "the connection goes to the address that was checked"
    made = socket.socket()
    made.connect(address)
    return made


# --- what is fetched ------------------------------------------------------------------------------
@pytest.mark.usefixtures("open_to_this_machine")
def test_a_page_becomes_a_searchable_document(
    inline_jobs: None, as_: As, alice: User, collection: Collection, site: Site
) -> None:
    url = site.answers("/shops/opening", PAGE, Content_Type="text/html; charset=utf-8")
    with as_(alice):
        added = archives.take_url(collection=collection, url=url)
        assert isinstance(added, Added)
        assert added.document.name == "opening.html"
        assert added.document.source_url == url
        assert queries.state_of(added.document) == "ready"
        assert "二十一点" in searched("营业", collection)


@pytest.mark.usefixtures("open_to_this_machine")
@pytest.mark.parametrize(
    ("path", "kind", "make"),
    [
        ("/files/halls.tar.gz", "application/octet-stream", tarred),
        ("/download?id=7", "application/zip", zipped),
    ],
)
def test_an_archive_becomes_a_document_for_each_file_in_it(
    inline_jobs: None,
    as_: As,
    alice: User,
    collection: Collection,
    site: Site,
    path: str,
    kind: str,
    make: Any,
) -> None:
    url = site.answers(path, make({"n/a.txt": b"The pump is inspected in May."}), Content_Type=kind)
    with as_(alice):
        taken = archives.take_url(collection=collection, url=url)
        assert isinstance(taken, Unpacking)
        assert "in May" in searched("pump", collection)
        document = Document.objects.get()
    assert (document.name, document.source_url) == ("n/a.txt", url)


@pytest.mark.usefixtures("open_to_this_machine")
def test_redirects_are_followed_and_the_name_may_be_given(
    as_: As, alice: User, collection: Collection, site: Site
) -> None:
    site.answers("/合同".encode().decode(), b"")
    site.answers("/file", sample("sample.pdf"), Content_Type="application/pdf")
    url = site.answers("/old", b"", status=301, Location="/file")
    with as_(alice):
        added = archives.take_url(collection=collection, url=url, name="合同")
    assert isinstance(added, Added)
    assert added.document.name == "合同.pdf"
    assert added.version.media_type == "application/pdf"
    assert added.document.source_url == site.url("/file")


@pytest.mark.usefixtures("open_to_this_machine")
@pytest.mark.parametrize(
    ("path", "answer", "code"),
    [
        ("/missing", None, ErrorCode.FETCH_FAILED),
        ("/error", (500, {}, b""), ErrorCode.FETCH_FAILED),
        ("/loop", (302, {"Location": "/loop"}, b""), ErrorCode.FETCH_FAILED),
        ("/odd", (200, {"Content-Encoding": "br"}, b"x"), ErrorCode.FETCH_FAILED),
        ("/film", (200, {"Content-Type": "video/mp4"}, b"\x00\x00x"), ErrorCode.UNSUPPORTED),
        (
            "/zipped",
            (200, {"Content-Type": "application/zip"}, b"no ZIP"),
            ErrorCode.UNREADABLE,
        ),
        ("/a.7z", (200, {}, b"7z\xbc\xaf"), ErrorCode.UNREADABLE),
        ("/a.gz", (200, {"Content-Type": "application/gzip"}, b"\x1f"), ErrorCode.UNSUPPORTED),
        ("/huge", (200, {"Content-Length": str(2 << 30)}, b""), ErrorCode.TOO_LARGE),
        ("/empty", (200, {"Content-Type": "text/html"}, b""), ErrorCode.EMPTY),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("/") else "",
)
def test_what_cannot_be_had_says_why(
    as_: As,
    alice: User,
    collection: Collection,
    site: Site,
    path: str,
    answer: tuple[int, dict[str, str], bytes] | None,
    code: str,
) -> None:
    if answer:
        site.pages[path] = answer
    with as_(alice):
        error = refusal(lambda: archives.take_url(collection=collection, url=site.url(path)))
    assert error.code == code
    assert nothing_stored()


@pytest.mark.usefixtures("open_to_this_machine")
def test_a_small_answer_that_unpacks_to_much_is_cut_off(site: Site) -> None:
    body = gzip.compress(b"0" * 50_000_000)
    url = site.answers("/bomb", body, Content_Type="text/plain", Content_Encoding="gzip")
    with fetch.fetch(url, max_bytes=1_000_000) as fetched:
        error = refusal(lambda: b"".join(fetched.pieces))
    assert error.code == ErrorCode.TOO_LARGE


@pytest.mark.usefixtures("open_to_this_machine")
def test_a_server_that_hangs_is_left(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(AppError) as caught, fetch.fetch(url, max_bytes=1000):
            pass
    assert caught.value.code == ErrorCode.FETCH_FAILED


def test_a_name_that_does_not_exist_is_a_failed_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: Any, **_kwargs: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(AppError) as caught, fetch.fetch("http://no.example/", max_bytes=10):
        pass
    assert caught.value.code == ErrorCode.FETCH_FAILED
