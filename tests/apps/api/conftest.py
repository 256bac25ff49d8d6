"""Programs that call the API, each with a key of somebody."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.permissions.roles import KeyScope
from tests import factories

BASE = "/api/v1/"


class Program:
    """A client with a key, JSON in and out; paths are given without /api/v1/."""

    def __init__(self, key: str = "") -> None:
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.client = Client()

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        address = path if path.startswith("/") else BASE + path
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(
            method,
            address,
            b"" if body is None else self.client._encode_json(body, "application/json"),
            content_type="application/json",
            headers=self.headers | named,
        )

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any) -> Any:
        return self.send("PATCH", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self.send("PUT", path, body)

    def delete(self, path: str) -> Any:
        return self.send("DELETE", path)

    def upload(self, path: str, fields: dict[str, Any], **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(BASE + path, fields, headers=self.headers | named)


@pytest.fixture
def api_of(db: None) -> Callable[..., Program]:
    """``api_of(alice)``: a program with a key of alice; ``scope=`` narrows the key."""

    def program(user: User, *, scope: KeyScope = KeyScope.ALL, **fields: Any) -> Program:
        return Program(factories.make_api_key(user, scope=scope, **fields)[1])

    return program


@pytest.fixture
def nobody(db: None) -> Program:
    """A program without a key."""
    return Program()


def code_of(response: Any) -> str:
    """The code of an error, whose shape is checked on the way."""
    (error,) = response.json().values()
    assert set(error) == {"code", "message", "details"}
    assert error["message"]
    return str(error["code"])
