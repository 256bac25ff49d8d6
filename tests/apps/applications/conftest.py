"""An ERP with a key of its own, and what it signs with."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from joserfc import jwk, jwt

from apps.accounts.models import User
from apps.applications import services
from apps.applications.models import Acts, Application, ApplicationKey, Reach
from apps.permissions.scope import system_scope

KINDS = {"ES256": ("EC", "P-256"), "RS256": ("RSA", 2048), "EdDSA": ("OKP", "Ed25519")}


def signing_key(algorithm: str = "ES256") -> Any:
    kind, size = KINDS[algorithm]
    return jwk.generate_key(kind, size, {"kid": f"{algorithm} {uuid4().hex[:6]}"})  # type: ignore[call-overload]


@dataclass
class Program:
    """An application as its own engineers see it."""

    application: Application
    key: ApplicationKey
    plain: str
    signs_with: Any
    algorithm: str = "ES256"
    client: Client = field(default_factory=Client)

    def assertion(self, person: str, /, **changed: Any) -> str:
        """A statement for ``person``; ``changed`` claims replace the right ones, None removes one."""
        header = changed.pop("header", None) or {
            "alg": self.algorithm,
            "kid": self.signs_with.kid,
        }
        claims = {
            "iss": str(self.application.pk),
            "aud": settings.PUBLIC_URL,
            "sub": person,
            "exp": int(time.time()) + 60,
            "jti": uuid4().hex,
            **changed,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(header, kept, self.signs_with, algorithms=[header["alg"]])

    def headers(self, person: User | None = None, **changed: Any) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.plain}"}
        if person is not None:
            headers["X-On-Behalf-Of"] = self.assertion(person.email, **changed)
        return headers

    def get(self, path: str, person: User | None = None, **extra: Any) -> Any:
        return self.client.get(f"/api/v1{path}", headers=self.headers(person), **extra)

    def post(self, path: str, body: Any, person: User | None = None, **extra: Any) -> Any:
        return self.client.post(
            f"/api/v1{path}",
            body,
            content_type="application/json",
            headers=self.headers(person),
            **extra,
        )

    def names(self, person: User | None = None) -> set[str]:
        """The collections that it is told of."""
        answer = self.get("/workspaces", person)
        assert answer.status_code == 200, answer.content
        found: set[str] = set()
        for room in answer.json()["items"]:
            answer = self.get(f"/workspaces/{room['slug']}/collections", person)
            assert answer.status_code == 200, answer.content
            found |= {row["name"] for row in answer.json()["items"]}
        return found


Make = Callable[..., Program]


@pytest.fixture
def make_program(db: None) -> Make:
    def make(
        name: str = "ERP", *, algorithm: str = "ES256", is_sandbox: bool = False, **values: Any
    ) -> Program:
        signs_with = signing_key(algorithm)
        values = {"acts": Acts.BOTH, "reach": Reach.GRANTED, "scopes": ["read", "ask"], **values}
        with system_scope("test: make_program"):
            application = services.create_application(name=name, **values)
            key, plain = services.create_key(
                application=application, name="production", is_sandbox=is_sandbox
            )
            services.add_public_keys(
                application=application,
                text=signs_with.as_pem(private=False).decode(),
                kid=signs_with.kid,
            )
        return Program(application, key, plain, signs_with, algorithm)

    return make


@pytest.fixture
def erp(make_program: Make) -> Program:
    """May read and ask, for itself and for people, within what it was granted: nothing yet."""
    return make_program()
