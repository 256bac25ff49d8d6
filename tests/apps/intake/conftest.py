"""A client of the tus protocol, as thin as one can be: what real ones do is in test_resuming."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.documents.models import Document
from apps.permissions.roles import KeyScope
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection
from tests import factories

PIECES = "application/offset+octet-stream"
NOTICE = b"The notice period of this contract is ninety days.\n\nCooling is inspected twice a year."


class Tus:
    """One person who sends files in pieces, with a key."""

    def __init__(self, user: User, **key: Any) -> None:
        self.client = Client()
        plain = factories.make_api_key(user, **key)[1]
        self.headers = {"Authorization": f"Bearer {plain}", "Tus-Resumable": "1.0.0"}

    def begin(self, collection: Collection, name: str, size: int, **pairs: str) -> Any:
        said = ",".join(
            f"{key} {base64.b64encode(value.encode()).decode()}"
            for key, value in {"filename": name, **pairs}.items()
        )
        headers = {"Upload-Length": str(size), "Upload-Metadata": said}
        return self.client.post(
            f"/api/v1/collections/{collection.pk}/uploads", headers=self.headers | headers
        )

    def at(self, collection: Collection, name: str, size: int, **pairs: str) -> str:
        response = self.begin(collection, name, size, **pairs)
        assert response.status_code == 201, response.content
        return str(response["Location"])

    def send(self, address: str, data: bytes, offset: int = 0, **headers: str) -> Any:
        headers = self.headers | {"Upload-Offset": str(offset)} | headers
        return self.client.patch(address, data, content_type=PIECES, headers=headers)

    def offset(self, address: str) -> int:
        return int(self.client.head(address, headers=self.headers)["Upload-Offset"])

    def ask(self, method: str, address: str, **more: Any) -> Any:
        return getattr(self.client, method)(address, headers=self.headers, **more)

    def finish(self, address: str, **decided: str) -> Any:
        return self.ask("post", f"{address}/finish", data=decided, content_type="application/json")

    def state(self, address: str) -> Any:
        return self.ask("get", address).json()


@pytest.fixture
def tus(db: None) -> Callable[..., Tus]:
    return Tus


@pytest.fixture
def sender(alice: User, tus: Callable[..., Tus]) -> Tus:
    """Alice, with a key for everything."""
    return tus(alice, scope=KeyScope.ALL)


def stored_documents() -> list[str]:
    with system_scope("test: look everywhere"):
        return sorted(Document.objects.values_list("name", flat=True))
