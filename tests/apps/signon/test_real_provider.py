"""An OpenID provider that nobody here wrote, in a process of its own."""

import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from urllib.parse import quote, urlsplit

import httpx
import pytest
from django.test import Client

from apps.accounts.models import User
from apps.permissions.scope import system_scope
from apps.signon.trying import tried
from tests.apps.signon.conftest import person_in

pytestmark = pytest.mark.skipif(
    find_spec("oidc_provider_mock") is None, reason="oidc-provider-mock is not installed"
)
UP_S = 30.0


@pytest.fixture(scope="module")
def issuer():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), "--require-nonce", "1"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **quiet)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{url}/.well-known/openid-configuration")
        erika = {"email": "erika@example.com", "email_verified": True, "name": "Erika"}
        said = {**erika, "groups": ["buyers"]}
        httpx.put(f"{url}/users/{quote('erika')}", json=said).raise_for_status()
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait(url: str) -> None:
    until = time.monotonic() + UP_S
    while time.monotonic() < until:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    pytest.fail("the provider does not come up")


@pytest.fixture
def real(make_provider, issuer):
    values = {"issuer": issuer, "client_id": "footnote", "client_secret": "secret"}
    return make_provider(values=values)


def _through(browser: Client, target: str):
    """What the person does at the provider: say who they are."""
    answer = httpx.post(target, data={"sub": "erika"}, follow_redirects=False)
    back = urlsplit(answer.headers["Location"])
    return browser.get(f"{back.path}?{back.query}")


def test_somebody_signs_in_and_out(real, issuer):
    browser = Client()
    response = _through(browser, browser.get("/sign-on/main")["Location"])
    assert response.status_code == 302, response.content
    assert person_in(browser) == str(User.objects.get(email="erika@example.com").pk)
    target = browser.post("/sign-out").context["target"]
    assert target.startswith(f"{issuer}/oauth2/end_session?")
    assert httpx.get(target).status_code == 200
    assert person_in(browser) is None


def test_a_code_is_not_taken_twice(real):
    browser = Client()
    target = browser.get("/sign-on/main")["Location"]
    answer = httpx.post(target, data={"sub": "erika"}, follow_redirects=False)
    back = urlsplit(answer.headers["Location"])
    assert browser.get(f"{back.path}?{back.query}").status_code == 302
    assert Client().get(f"{back.path}?{back.query}").status_code == 400


def test_the_test_of_an_administrator_passes(real, issuer):
    values = {"issuer": issuer, "client_id": "footnote", "client_secret": "secret", "scopes": ""}
    with system_scope("test: try a provider"):
        steps = tried(kind="oidc", slug="main", values=values)
    assert [step.code for step in steps] == ["", "", "", ""]
