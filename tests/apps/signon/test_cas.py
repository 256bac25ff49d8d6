"""Signing in by CAS."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.signon.models import SignOnIdentity
from tests.apps.signon.conftest import begun, person_in

_GOOD = """<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas">
 <cas:authenticationSuccess><cas:user>erika</cas:user><cas:attributes>
  <cas:mail>erika@example.com</cas:mail><cas:displayName>Erika Muster</cas:displayName>
  <cas:memberOf>buyers</cas:memberOf><cas:memberOf>staff</cas:memberOf>
 </cas:attributes></cas:authenticationSuccess></cas:serviceResponse>"""
_BAD = """<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas">
 <cas:authenticationFailure code="{code}">no</cas:authenticationFailure></cas:serviceResponse>"""


class FakeCas:
    """Answers as the protocol's document has it; a ticket is good once, for its service."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tickets: dict[str, str] = {}

    def answer(self, query: dict[str, list[str]]) -> str:
        ticket, service = query["ticket"][0], query["service"][0]
        if ticket not in self.tickets:
            return _BAD.format(code="INVALID_TICKET")
        if self.tickets.pop(ticket) != service:
            return _BAD.format(code="INVALID_SERVICE")
        return _GOOD


@pytest.fixture
def server() -> Iterator[FakeCas]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = fake.answer(parse_qs(parts.query)).encode()
            self.send_response(200 if parts.path == "/cas/p3/serviceValidate" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = FakeCas(f"http://127.0.0.1:{http.server_address[1]}/cas")
    thread = threading.Thread(target=http.serve_forever, args=[0.02], daemon=True)
    thread.start()
    yield fake
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def campus(make_provider, server):
    return make_provider(
        kind="cas", slug="campus", confirms_emails=True, values={"server": server.url}
    )


def _come_back(browser: Client, server: FakeCas, ticket: str = "ST-1"):
    service = begun(browser, "campus")["service"]
    server.tickets[ticket] = service
    parts = urlsplit(service)
    return browser.get(f"{parts.path}?{parts.query}&ticket={ticket}")


def test_somebody_new_is_signed_in(campus, server):
    browser = Client()
    assert _come_back(browser, server).status_code == 302
    person = User.objects.get(email="erika@example.com")
    assert person_in(browser) == str(person.pk)
    assert SignOnIdentity.objects.get().subject == "erika"


def test_a_ticket_for_another_service_is_refused(campus, server):
    browser = Client()
    parts = urlsplit(begun(browser, "campus")["service"])
    server.tickets["ST-9"] = "https://another.example/"
    response = browser.get(f"{parts.path}?{parts.query}&ticket=ST-9")
    assert response.status_code == 400
    assert person_in(browser) is None


def test_the_ticket_of_another_browser_is_refused(campus, server):
    theirs = begun(Client(), "campus")["service"]
    server.tickets["ST-1"] = theirs
    victim = Client()
    parts = urlsplit(theirs)
    assert victim.get(f"{parts.path}?{parts.query}&ticket=ST-1").status_code == 400
    own = urlsplit(begun(victim, "campus")["service"])
    assert victim.get(f"{own.path}?{own.query}&ticket=ST-1").status_code == 400
    assert person_in(victim) is None


@pytest.mark.parametrize("ticket", ["", "ST-never", "PT-1", "ST-" + "x" * 400])
def test_a_ticket_that_nobody_gave_out_is_refused(campus, server, ticket):
    browser = Client()
    parts = urlsplit(begun(browser, "campus")["service"])
    response = browser.get(f"{parts.path}?{parts.query}&ticket={ticket}")
    assert response.status_code == 400
    assert person_in(browser) is None


def test_the_server_ends_the_session_of_a_ticket(campus, server):
    first, second = Client(), Client()
    _come_back(first, server, "ST-1")
    _come_back(second, server, "ST-2")
    message = """<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">
      <samlp:SessionIndex>ST-1</samlp:SessionIndex></samlp:LogoutRequest>"""
    told = Client().post("/sign-on/campus/callback", {"logoutRequest": message})
    assert told.status_code == 200
    assert first.get("/me").status_code == 302
    assert second.get("/me").status_code == 200


@pytest.mark.parametrize("message", ["", "<x", "<x/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"])
def test_a_logout_that_is_none_ends_nothing(campus, server, message):
    browser = Client()
    _come_back(browser, server)
    told = Client().post("/sign-on/campus/callback", {"logoutRequest": message})
    assert told.status_code == 400
    assert browser.get("/me").status_code == 200
