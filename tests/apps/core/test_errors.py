"""What somebody gets when something is refused or breaks: a page in their language, a part for
htmx, JSON for machines; never the text of an exception."""

import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from apps.accounts.models import User
from apps.chat.models import Conversation
from apps.core.errors import MESSAGES, AppError, ErrorCode, Permanent, Transient
from apps.permissions.roles import Permission
from apps.permissions.scope import ScopeDenied
from apps.rag.ports import EngineBusy, EngineRejected, EngineUnavailable
from kb_platform import urls

SECRET = "postgresql://kb:hunter2@db/kb"
ERRORS: dict[str, tuple[Exception, int, ErrorCode]] = {
    "app": (AppError(ErrorCode.TOO_LARGE, status=413, limit_mb=5), 413, ErrorCode.TOO_LARGE),
    "permanent": (Permanent(ErrorCode.ENCRYPTED), 422, ErrorCode.ENCRYPTED),
    "transient": (Transient(ErrorCode.INDEX_UNAVAILABLE), 503, ErrorCode.INDEX_UNAVAILABLE),
    "denied": (ScopeDenied(Permission.DOCUMENT_WRITE), 403, ErrorCode.FORBIDDEN),
    "absent": (Conversation.DoesNotExist(SECRET), 404, ErrorCode.NOT_FOUND),
    "engine down": (EngineUnavailable(SECRET), 503, ErrorCode.ENGINE_UNAVAILABLE),
    "engine busy": (EngineBusy(SECRET, retry_after=7), 503, ErrorCode.ENGINE_BUSY),
    "engine refuses": (EngineRejected(SECRET), 502, ErrorCode.ENGINE_REJECTED),
    "bug": (RuntimeError(SECRET), 500, ErrorCode.INTERNAL),
}


def raising(request: HttpRequest) -> HttpResponse:
    raise ERRORS[request.GET["error"]][0]


class Urls:
    """The installation's addresses and one that fails as it is told."""

    urlpatterns = [path("fail", raising), path("api/v1/fail", raising), *urls.urlpatterns]
    handler400, handler403 = urls.handler400, urls.handler403
    handler404, handler500 = urls.handler404, urls.handler500


@pytest.fixture
def browser(alice: User, client_of: Callable[[User], Client], settings: Any, caplog: Any) -> Client:
    settings.ROOT_URLCONF = Urls
    caplog.set_level(logging.CRITICAL, logger="django.request")
    client = client_of(alice)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("name", ERRORS)
def test_a_page_says_what_happened_and_where_to_go(name: str, browser: Client) -> None:
    _error, status, code = ERRORS[name]
    response = browser.get("/fail", {"error": name})
    page = response.content.decode()
    assert response.status_code == status
    assert code in page
    assert 'href="/"' in page
    assert SECRET not in page
    assert "Traceback" not in page


@pytest.mark.parametrize("name", ERRORS)
def test_a_machine_gets_the_code_in_the_one_shape_of_errors(name: str, browser: Client) -> None:
    _error, status, code = ERRORS[name]
    response = browser.get("/api/v1/fail", {"error": name})
    assert response.status_code == status
    body = response.json()["error"]
    assert body["code"] == code
    assert set(body) == {"code", "message", "details"}
    assert SECRET not in response.content.decode()


def test_details_of_a_refusal_reach_the_machine(browser: Client) -> None:
    body = browser.get("/api/v1/fail", {"error": "app"}).json()["error"]
    assert body["details"] == {"limit_mb": 5}


@pytest.mark.parametrize("name", ["transient", "engine down", "engine busy"])
def test_what_may_work_later_says_when(name: str, browser: Client) -> None:
    response = browser.get("/fail", {"error": name})
    assert int(response["Retry-After"]) >= 1
    busy = browser.get("/fail", {"error": "engine busy"})
    assert busy["Retry-After"] == "7"


def test_htmx_gets_a_note_to_put_where_the_person_is_looking(browser: Client) -> None:
    response = browser.get("/fail", {"error": "app"}, headers={"HX-Request": "true"})
    part = response.content.decode().strip()
    assert part.startswith('<div class="note bad" role="alert">')
    assert "<html" not in part


def test_a_script_of_our_pages_gets_json(browser: Client) -> None:
    response = browser.get("/fail", {"error": "app"}, headers={"Accept": "application/json"})
    assert response.json()["error"]["code"] == "TOO_LARGE"


def test_absent_and_forbidden_look_the_same(browser: Client, carol: User) -> None:
    """A conversation of somebody else and one that never was."""
    from tests import factories  # noqa: PLC0415 - only here

    hers = factories.make_conversation(carol)
    theirs, none = browser.get(f"/c/{hers.pk}"), browser.get(f"/c/{uuid4()}")
    assert theirs.status_code == none.status_code == 404
    assert theirs.content == none.content


def test_an_unknown_address_is_a_page_for_people_and_json_for_machines(
    client: Client, db: None
) -> None:
    page = client.get("/nothing/here")
    assert page.status_code == 404
    assert "Nothing here" in page.content.decode()
    assert client.get("/api/v1/nothing").json()["error"]["code"] == "NOT_FOUND"
    assert client.get("/v1/nothing").json()["error"]["code"] == "not_found"


def test_htmx_of_somebody_signed_out_is_sent_to_sign_in(client: Client, db: None) -> None:
    response = client.get("/me", headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Redirect"]) == (401, "/sign-in")


def test_a_form_posted_while_signed_out_comes_back_to_the_first_page(
    client: Client, db: None
) -> None:
    assert client.post("/me", {"name": "x"})["Location"] == "/sign-in?next=/"


def test_a_host_that_is_not_ours_is_refused(client: Client, db: None) -> None:
    response = client.get("/sign-in", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "evil" not in response.content.decode()


def test_every_code_has_a_sentence() -> None:
    assert set(MESSAGES) == set(ErrorCode)
    assert all(str(sentence).endswith((".", "。")) for sentence in MESSAGES.values())


def test_pages_carry_the_headers_that_keep_them_safe(client: Client, db: None) -> None:
    for path_ in ("/sign-in", "/nothing"):
        response = client.get(path_)
        policy = response["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'self'" in policy
        assert response["X-Frame-Options"] == "DENY"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Referrer-Policy"] == "same-origin"
        assert "style=" not in response.content.decode()
