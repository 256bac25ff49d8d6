"""A system that tells of people, and its calls."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.directory.mapping import source_of
from apps.permissions.scope import system_scope
from apps.scim import tokens
from apps.scim.models import Provisioning
from tests import factories

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class System:
    """``system("post", "Users", {…})`` as the other system sends it."""

    def __init__(self, name: str) -> None:
        self.row = Provisioning.objects.create(source=source_of(f"scim:{name}"), is_on=True)
        with system_scope("test: a token"):
            self.token, self.plain = tokens.make(provisioning=self.row)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return getattr(Client(), method)(
            f"/scim/v2/{path}",
            data=body,
            content_type="application/scim+json",
            headers={"authorization": f"Bearer {self.plain}", **headers},
        )

    def person(self, name: str, **said: Any) -> str:
        body = {"schemas": [USER], "userName": name, "active": True, **said}
        answer = self("post", "Users", body)
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])

    def group(self, name: str, *people: str) -> str:
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": p} for p in people]}
        answer = self("post", "Groups", body)
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])

    def patch(self, path: str, *operations: dict[str, Any]) -> Any:
        return self("patch", path, {"schemas": [PATCH], "Operations": list(operations)})


@pytest.fixture
def make_system(db: None) -> Callable[..., System]:
    factories.make_user("root", is_administrator=True)
    return System


@pytest.fixture
def entra(make_system: Callable[..., System]) -> System:
    return make_system("entra")
