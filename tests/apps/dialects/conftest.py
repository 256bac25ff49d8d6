"""Programs that speak OpenAI, each with a key of somebody."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.accounts.models import User
from apps.permissions.roles import KeyScope
from tests import factories
from tests.apps.api.conftest import Program


@pytest.fixture
def v1_of(db: None) -> Callable[..., Program]:
    """``v1_of(alice)``: a program with a key of alice; paths are given whole."""

    def program(user: User, *, scope: KeyScope = KeyScope.ALL, **fields: Any) -> Program:
        return Program(factories.make_api_key(user, scope=scope, **fields)[1])

    return program


@pytest.fixture
def lease(collection):
    return factories.make_document(collection, "lease.txt")


@pytest.fixture
def ask(v1_of, workspace):
    """``ask(bob, "…", stop="x")``: a question to the workspace."""

    def send(user: User, question: str = "What is the notice period?", **fields: Any) -> Any:
        scope = fields.pop("scope", KeyScope.ALL)
        body = {
            "model": f"footnote/{workspace.slug}",
            "messages": [{"role": "user", "content": question}],
            **fields,
        }
        return v1_of(user, scope=scope).post("/v1/chat/completions", body)

    return send


def said_in(response: Any) -> dict[str, Any]:
    """The message of a completion."""
    assert response.status_code == 200, response.content
    (choice,) = response.json()["choices"]
    message: dict[str, Any] = choice["message"]
    return message


def error_of(response: Any) -> dict[str, Any]:
    """The error, whose shape is checked on the way."""
    (error,) = response.json().values()
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return dict(error)
