"""A WebDAV folder, on a real server of that kind."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cheroot import wsgi
from wsgidav.wsgidav_app import WsgiDAVApp

from apps.core.errors import ErrorCode
from apps.sources import services
from apps.sources.models import Source
from apps.workspaces.models import Collection
from tests.apps.sources.conftest import As, differences, names, refusal, run, write
from tests.apps.sources.served import Served

pytestmark = pytest.mark.django_db
Follow = Callable[..., Source]


class Dav:
    """A served folder."""

    def __init__(self, root: Path, port: int) -> None:
        self.root = root
        self.url = f"http://127.0.0.1:{port}/dav/"


@pytest.fixture
def dav(tmp_path: Path, settings: Any) -> Iterator[Dav]:
    root = tmp_path / "dav"
    (root / "dav").mkdir(parents=True)
    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": str(root)},
            "simple_dc": {"user_mapping": {"*": {"ann": {"password": "geheim"}}}},
            "logging": {"enable": False},
            "verbose": 0,
            "property_manager": True,
            "lock_storage": True,
        }
    )
    server = wsgi.Server(("127.0.0.1", 0), app, numthreads=2)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    port = server.bind_addr[1]
    settings.SOURCE_HOSTS = [f"127.0.0.1:{port}"]
    yield Dav(root / "dav", port)
    server.stop()
    thread.join()


def values(dav: Dav, **more: Any) -> dict[str, Any]:
    return {"url": dav.url, "username": "ann", "password": "geheim", **more}


def test_files_come_change_and_go(dav: Dav, follow: Follow, collection: Collection) -> None:
    write(dav.root / "手册" / "休假 & co#1%.md", "Thirty days.")
    for n in range(6):
        write(dav.root / f"{n}.md", f"text {n}")
    source = follow("webdav", values(dav))
    assert differences(run(source)) == (7, 0, 0)
    assert "手册/休假 & co#1%.md" in names(collection)
    write(dav.root / "1.md", "changed now", ago=5)
    (dav.root / "2.md").unlink()
    assert differences(run(source)) == (0, 1, 1)
    again = run(source)
    assert (again.unchanged, again.bytes) == (6, 0)


def test_a_wrong_password_is_said_and_removes_nothing(
    dav: Dav, follow: Follow, collection: Collection, as_: As, alice: Any
) -> None:
    write(dav.root / "a.md")
    source = follow("webdav", values(dav))
    run(source)
    with as_(alice):
        schedule: services.Schedule = {"every_minutes": 60}
        wrong = values(dav, password="wrong")
        services.update_source(source=source, name="Dav", values=wrong, schedule=schedule)
    done = run(source)
    assert (done.state, done.error_code) == ("failed", "SOURCE_REFUSED")
    assert names(collection) == ["a.md"]


def test_a_folder_that_is_not_there_is_said(dav: Dav, follow: Follow) -> None:
    source = follow("webdav", values(dav, url=f"{dav.url}nowhere/"))
    assert run(source).error_code == "SOURCE_MISSING"


def test_a_server_that_speaks_no_webdav_is_told(site: Served, follow: Follow) -> None:
    site.answer = lambda _asked: (200, {}, b"<html>hello</html>")
    assert run(follow("webdav", {"url": site.url("/")})).error_code == "SOURCE_ANSWER"


def multistatus(*hrefs: str) -> bytes:
    rows = "".join(
        f"<d:response><d:href>{href}</d:href><d:propstat><d:prop><d:getetag>1</d:getetag>"
        "<d:resourcetype/></d:prop></d:propstat></d:response>"
        for href in hrefs
    )
    return f'<d:multistatus xmlns:d="DAV:">{rows}</d:multistatus>'.encode()


def test_what_a_server_says_of_elsewhere_is_not_asked_for(
    site: Served, follow: Follow, collection: Collection
) -> None:
    hrefs = ("/dav/", "/dav/a.md", "/secret.md", "/dav/../secret.md", "http://10.0.0.1/dav/x.md")

    def answer(asked: Any) -> Any:
        if asked.method == "PROPFIND":
            return 207, {}, multistatus(*hrefs)
        return 200, {}, b"text"

    site.answer = answer
    run(follow("webdav", {"url": site.url("/dav/")}))
    assert names(collection) == ["a.md"]
    assert [each.path for each in site.asked if each.method == "GET"] == ["/dav/a.md"]


def test_a_subfolder_that_is_closed_removes_nothing(
    site: Served, follow: Follow, collection: Collection
) -> None:
    is_closed = False

    def answer(asked: Any) -> Any:
        if asked.method == "GET":
            return 200, {}, asked.path.encode()
        if asked.path == "/dav/":
            body = multistatus("/dav/a.md", "/dav/in").replace(
                b"<d:resourcetype/></d:prop></d:propstat></d:response></d:multistatus>",
                b"<d:resourcetype><d:collection/></d:resourcetype></d:prop></d:propstat></d:response></d:multistatus>",
            )
            return 207, {}, body
        return (403, {}, b"") if is_closed else (207, {}, multistatus("/dav/in/b.md"))

    site.answer = answer
    source = follow("webdav", {"url": site.url("/dav/")})
    run(source)
    assert names(collection) == ["a.md", "in/b.md"]
    is_closed = True
    assert run(source).error_code == "SOURCE_INCOMPLETE"
    assert names(collection) == ["a.md", "in/b.md"]


# --- credentials ----------------------------------------------------------------------------------
def test_a_password_is_stored_sealed_and_left_out_stays(
    dav: Dav, follow: Follow, as_: As, alice: Any
) -> None:
    source = follow("webdav", values(dav))
    assert "geheim" not in source.secrets
    assert "geheim" not in str(source.settings)
    with as_(alice):
        services.update_source(
            source=source,
            name="Other name",
            values={"url": dav.url, "username": "ann"},
            schedule={"every_minutes": 60},
        )
        assert services.secrets_of(Source.objects.get()) == {"password": "geheim"}


def test_a_password_does_not_travel_to_another_address(
    dav: Dav, follow: Follow, as_: As, alice: Any, site: Served
) -> None:
    source = follow("webdav", values(dav))

    def moved() -> None:
        services.update_source(
            source=source,
            name="Moved",
            values={"url": site.url("/"), "username": "ann"},
            schedule={"every_minutes": 60},
        )

    with as_(alice):
        error = refusal(moved)
    assert error.code == ErrorCode.BAD_REQUEST
    assert error.details["fields"] == {
        "password": ["Type it again: it would be sent to another address than before."]
    }
