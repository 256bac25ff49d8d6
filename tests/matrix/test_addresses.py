"""Every address by every method, as everybody: the answers of ``expected.csv`` and no other.

A new address has no row, so it fails here until somebody has said who gets what.
"""

import os
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from apps.accounts.models import User
from apps.applications.models import Reach
from apps.permissions.roles import ApplicationScope, KeyScope, Role
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection, Workspace
from tests import factories
from tests.apps.applications.conftest import Make, Program, make_program
from tests.apps.core.test_routes_for_a_stranger import ALL, METHODS, samples
from tests.matrix import table

__all__ = ["make_program", "samples"]  # fixtures

IS_WRITING = os.environ.get("FOOTNOTE_MATRIX") == "write"
KEYS = {f"key: {scope.value}": scope for scope in KeyScope}
SCOPES = [scope.value for scope in ApplicationScope]
FOR = ("owner", "viewer", "stranger")
ACTORS = [
    "owner",
    "contributor",
    "viewer",
    "member without grant",
    "other manager",
    "stranger",
    "administrator",
    "anonymous",
    *KEYS,
    *(f"program for {who}" for who in FOR),
]
# Goes through the event loop, which sees only what is committed.
APART = ("turns/<uuid:turn>/stop", "turns/<uuid:turn>/again")


class OnBehalf(Client):
    """A program's client that signs for the same person anew with each request."""

    def __init__(self, program: Program, person: User) -> None:
        super().__init__()
        self.program, self.person = program, person

    def generic(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["headers"] = self.program.headers(self.person)
        return super().generic(*args, **kwargs)


@pytest.fixture(autouse=True)
def _no_limits(settings: Any) -> None:
    settings.LIMIT_ANONYMOUS = settings.LIMIT_PERSON = ""


@pytest.fixture
def people(
    alice: User, bob: User, carol: User, admin: User, workspace: Workspace, collection: Collection
) -> dict[str, User]:
    contributor, member = factories.make_user("dora"), factories.make_user("erin")
    factories.make_member(workspace, contributor, role=Role.CONTRIBUTOR)
    factories.make_grant(collection, contributor, role=Role.CONTRIBUTOR)
    factories.make_member(workspace, member)
    return {
        "owner": alice,
        "contributor": contributor,
        "viewer": bob,
        "member without grant": member,
        "other manager": carol,
        "stranger": factories.make_user("frank"),
        "administrator": admin,
    }


@pytest.fixture
def client_as(people: dict[str, User], make_program: Make) -> Callable[[str], tuple[Client, bool]]:
    """(client, whether it speaks to the API only)."""

    def made(actor: str) -> tuple[Client, bool]:
        if actor in KEYS:
            _key, plain = factories.make_api_key(people["owner"], scope=KEYS[actor])
            return Client(headers={"Authorization": f"Bearer {plain}"}), True
        if actor.startswith("program for "):
            person = people[actor.removeprefix("program for ")]
            program = make_program(reach=Reach.PERSON, scopes=SCOPES)
            with system_scope("test: no limit"):
                type(program.key).objects.update(requests_per_minute=100_000)
            return OnBehalf(program, person), True
        client = Client()
        if actor != "anonymous":
            client.force_login(people[actor])
        return client, False

    return made


def _answers(
    client_as: Callable[[str], tuple[Client, bool]], actor: str, values: dict[str, str]
) -> dict[str, str]:
    """What each address says, each to the same world: what one of them changes is undone."""
    client, is_program = client_as(actor)
    signed_in = deepcopy(client.cookies)
    found = {}
    for pattern in sorted(ALL):
        route = ALL[pattern]
        if pattern.endswith(APART):
            continue
        for method in METHODS[route.is_api]:
            status, location = 0, ""
            if is_program and not route.is_api:
                found[f"{method.upper()} {pattern}"] = "no page"
                continue
            extra = {"content_type": "application/json"}
            body = extra if route.is_api and method != "get" else {}
            client.cookies = deepcopy(signed_in)  # some addresses sign out
            with transaction.atomic():
                response = getattr(client, method)(route.path(values), **body)
                status, location = response.status_code, response.get("Location", "")
                if response.streaming and not response.is_async:
                    response.getvalue()
                transaction.set_rollback(True)
            found[f"{method.upper()} {pattern}"] = (
                "no method" if status == 405 else table.word(status, location)
            )
    return found


@pytest.mark.parametrize("actor", ACTORS)
def test_everybody_gets_the_answers_of_the_table(
    actor: str,
    samples: dict[str, str],
    client_as: Callable[[str], tuple[Client, bool]],
) -> None:
    found = _answers(client_as, actor, samples)
    if IS_WRITING:
        table.save(actor, found, ACTORS)
    expected = {address: row[actor] for address, row in table.load().items()}
    assert {address: said for address, said in found.items() if said != expected.get(address)} == {}
    assert set(expected) == set(found)


def _cells() -> list[tuple[str, dict[str, str]]]:
    return list(table.load().items())


def test_the_table_says_what_it_has_to() -> None:
    """What a hurried look at a difference could miss, said once more as rules."""
    # In an address these name one department's thing; a list of the installation's is its own.
    things = ("<slug", ":workspace>", ":collection>", ":document>", ":version>", ":chunk>")
    for address, row in _cells():
        pattern = address.partition(" ")[2].replace("<slug:provider>", "")
        is_thing = any(each in pattern for each in things)
        if is_thing and not pattern.startswith(("administration/", "api/v1/administration/")):
            for actor in ("other manager", "stranger", "program for stranger"):
                assert row[actor] in {"absent", "no method", "no page", "sign in"}, (actor, address)
        for actor in KEYS:
            # A key opens nothing that its owner does not. What speaks OpenAI's dialect or MCP asks
            # for a key and takes no session.
            if row[actor] == "yes" and not pattern.startswith(("v1/", "mcp")):
                assert row["owner"] in {"yes", "incomplete"}, (actor, address)
        if row["program for viewer"] == "yes":
            assert row["viewer"] in {"yes", "incomplete"}, address
