"""Providers to sign in with."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from apps.permissions.scope import system_scope
from apps.signon import services
from apps.signon.models import SignOnProvider
from tests.apps.signon import fake_oidc
from tests.apps.signon.fake_oidc import FakeProvider


@pytest.fixture(autouse=True)
def _may_be_asked(settings: Any) -> None:
    settings.SIGN_ON_HOSTS = ["127.0.0.1", "localhost"]


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with fake_oidc.running() as provider:
        yield provider


@pytest.fixture
def make_provider(db: None) -> Callable[..., SignOnProvider]:
    """``make_provider(kind="oidc", slug="main", values={…}, is_on=…)``."""

    def make(
        *, kind: str = "oidc", slug: str = "main", values: dict[str, Any], **general: Any
    ) -> SignOnProvider:
        wanted = services.Wanted(**{"slug": slug, "name": "Acme", "is_on": True, **general})
        with system_scope("test: make_provider"):
            return services.save_provider(
                kind=kind, wanted=wanted, values=services.with_defaults(kind, values)
            )

    return make


@pytest.fixture
def provider(make_provider: Callable[..., SignOnProvider], fake: FakeProvider) -> SignOnProvider:
    return make_provider(values={"issuer": fake.url, "client_id": "footnote", "client_secret": "s"})


def begun(browser: Client, slug: str = "main", query: str = "") -> dict[str, str]:
    """What the browser was sent away with."""
    response = browser.get(f"/sign-on/{slug}{query}")
    assert response.status_code == 302, response.content
    return {name: each[0] for name, each in parse_qs(urlsplit(response["Location"]).query).items()}


def come_back(browser: Client, fake: FakeProvider, slug: str = "main", **claims: Any) -> Any:
    """Sign in by the fake provider, which says ``claims``."""
    sent = begun(browser, slug)
    fake.said = {"nonce": sent["nonce"], **claims}
    return browser.get(f"/sign-on/{slug}/callback", {"code": "c", "state": sent["state"]})


def person_in(browser: Client) -> str | None:
    """The id of whoever is signed in in this browser."""
    return browser.session.get("_auth_user_id")
