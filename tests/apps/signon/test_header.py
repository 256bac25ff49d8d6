"""Signing in by the header of a proxy, and everybody else who sends one."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client

from apps.accounts.models import User
from apps.signon import middleware
from tests.apps.signon.conftest import person_in

PROXY = "10.1.2.3"
ERIKA = {
    "Remote-User": "erika",
    "Remote-Email": "erika@example.com",
    "Remote-Name": "Erika Müster".encode().decode("latin-1"),
    "Remote-Groups": "buyers,staff",
}


@pytest.fixture(autouse=True)
def _not_kept():
    middleware.forget()
    yield
    middleware.forget()


@pytest.fixture
def gate(make_provider):
    return make_provider(
        kind="header", slug="gate", confirms_emails=True, values={"proxies": [f"{PROXY}/32"]}
    )


def _asked(browser: Client, peer: str, headers: dict[str, str], path: str = "/me"):
    return browser.get(path, headers=headers, REMOTE_ADDR=peer)


def test_whom_the_proxy_names_is_signed_in(gate):
    browser = Client()
    assert _asked(browser, PROXY, ERIKA).status_code == 200
    person = User.objects.get(email="erika@example.com")
    assert person_in(browser) == str(person.pk)
    assert person.name == "Erika Müster"


@pytest.mark.parametrize("peer", ["10.1.2.4", "127.0.0.1", "192.0.2.9", "::1", "", "nonsense"])
def test_the_header_of_anybody_else_is_not_believed(gate, peer):
    browser = Client()
    assert _asked(browser, peer, ERIKA).status_code == 302
    assert person_in(browser) is None
    assert not User.objects.filter(email="erika@example.com").exists()


@pytest.mark.parametrize(
    "claimed", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP"]
)
def test_nobody_becomes_the_proxy_by_a_header(gate, claimed):
    browser = Client()
    headers = {**ERIKA, claimed: PROXY if claimed != "Forwarded" else f"for={PROXY}"}
    assert _asked(browser, "192.0.2.9", headers).status_code == 302
    assert person_in(browser) is None


def test_the_header_of_anybody_else_is_removed(gate):
    seen = {}

    def look(request: HttpRequest) -> HttpResponse:
        seen.update(request.headers)
        return HttpResponse()

    request = HttpRequest()
    request.META = {"REMOTE_ADDR": "192.0.2.9", "HTTP_REMOTE_USER": "erika", "HTTP_ACCEPT": "a"}
    request.session = Client().session
    assert "Remote-User" in request.headers
    middleware.SignOnMiddleware(look)(request)
    assert seen == {"Accept": "a"}


def test_a_name_with_underscores_is_never_the_header(gate):
    browser = Client()
    assert _asked(browser, PROXY, {"Remote-Email": "erika@example.com"}).status_code == 302
    assert person_in(browser) is None


def test_the_session_ends_when_the_proxy_names_nobody_or_somebody_else(gate):
    browser = Client()
    _asked(browser, PROXY, ERIKA)
    assert _asked(browser, PROXY, {}).status_code == 302
    _asked(browser, PROXY, ERIKA)
    other = {"Remote-User": "max", "Remote-Email": "max@example.com"}
    assert _asked(browser, PROXY, other).status_code == 200
    assert person_in(browser) == str(User.objects.get(email="max@example.com").pk)


def test_a_session_with_a_password_is_left_alone(gate, alice, client_of):
    browser = client_of(alice)
    assert _asked(browser, PROXY, {}).status_code == 200
    assert person_in(browser) == str(alice.pk)


def test_somebody_who_was_deactivated_does_not_come_in(gate):
    _asked(Client(), PROXY, ERIKA)
    User.objects.filter(email="erika@example.com").update(is_active=False)
    assert _asked(Client(), PROXY, ERIKA).status_code == 302


def test_a_provider_that_is_off_takes_no_header(make_provider):
    make_provider(kind="header", slug="gate", is_on=False, values={"proxies": [PROXY]})
    assert _asked(Client(), PROXY, ERIKA).status_code == 302


async def test_the_address_of_the_connection_cannot_be_written_into_a_header():
    from kb_platform.peer import behind_proxies  # noqa: PLC0415 - beside its only use

    seen = []

    async def look(scope, _receive, _send):
        seen.append((scope["peer"], scope["client"][0]))

    application = behind_proxies(look, "10.1.2.3")
    for peer in ("10.1.2.3", "192.0.2.9"):
        headers = [(b"x-forwarded-for", b"198.51.100.7")]
        scope = {"type": "http", "client": (peer, 1), "headers": headers, "scheme": "http"}
        await application(scope, None, None)
    assert seen == [("10.1.2.3", "198.51.100.7"), ("192.0.2.9", "192.0.2.9")]
