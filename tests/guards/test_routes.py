"""Every address, from the URL tree: who gets in without signing in, and what strangers see."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from apps.documents import services as documents
from apps.documents.models import Chunk, PassageEdit
from apps.engines.models import Endpoint
from apps.engines.profiles import current_profile
from apps.permissions.scope import system_scope
from tests import factories
from tests.guards.allowed import ADMINISTRATION, PUBLIC_ROUTES, VIEWER_WRITES
from tests.guards.code import stale, unlisted

METHODS = ("get", "post", "put", "patch", "delete")
# What names one person's or one department's thing; the rest name people, groups or servers.
THINGS = {
    "passkey",
    "session",
    "slug",
    "workspace",
    "member",
    "collection",
    "grant",
    "document",
    "version",
    "chunk",
    "edit",
    "deletion",
    "conversation",
    "turn",
    "key",
    "upload",
    "unpacking",
    "source",
    "run",
    "model",
    "file",
    "store",
    "access",
}


@dataclass(frozen=True)
class Route:
    """One pattern of the tree: its full name and what its address names."""

    name: str
    parts: frozenset[str]

    def url(self, names: dict[str, Any]) -> str:
        return reverse(self.name, kwargs={part: names[part] for part in self.parts})


def _routes() -> Iterator[Route]:
    def walk(patterns: list[Any], space: str) -> Iterator[Route]:
        for each in patterns:
            if isinstance(each, URLPattern):
                assert each.name, f"{each.pattern} has no name"
                yield Route(space + each.name, frozenset(each.pattern.converters))
            else:
                inner = f"{space}{each.namespace}:" if each.namespace else space
                prefix = frozenset(each.pattern.converters)
                for route in walk(each.url_patterns, inner):
                    yield Route(route.name, route.parts | prefix)

    return walk(get_resolver().url_patterns, "")


ROUTES = sorted(_routes(), key=lambda route: route.name)
NAMING = [route for route in ROUTES if route.parts & THINGS]
RUNNING_IT = [route for route in ROUTES if route.name.startswith(ADMINISTRATION)]


@pytest.fixture
def names(alice, bob, workspace, collection) -> dict[str, Any]:
    """One of everything, alice's; bob may read the collection."""
    document, gone = (factories.make_document(collection, is_indexed=False) for _ in range(2))
    with system_scope("test: one of everything"):
        receipt = documents.delete_document(document=gone)
        grant = factories.make_grant(collection, factories.make_user())
        member = factories.make_member(workspace, factories.make_user())
        edit = PassageEdit.objects.create(collection=collection, document=document, text="t")
        endpoint = Endpoint.objects.create(name="e", base_url="http://127.0.0.1:1", model="m")
        chunk = Chunk.objects.filter(document=document)[0]
    source = factories.make_source(collection, alice)
    conversation = factories.make_conversation(alice)
    rule = factories.make_rule()
    return {
        "token": "no-such-token",
        "slug": workspace.slug,
        "workspace": workspace.slug,
        "member": member.pk,
        "collection": collection.pk,
        "grant": grant.pk,
        "document": document.pk,
        "version": document.current_id,
        "chunk": chunk.pk,
        "edit": edit.pk,
        "deletion": receipt.pk,
        "source": source.pk,
        "run": factories.make_source_run(source).pk,
        "model": f"footnote/{workspace.slug}",
        "file": f"file-{document.pk.hex}",
        "store": f"vs_{collection.pk.hex}",
        "conversation": conversation.pk,
        "turn": factories.make_turn(conversation, sources=[document]).pk,
        "key": factories.make_api_key(alice)[0].pk,
        "passkey": factories.make_passkey(alice).pk,
        "session": factories.make_session(alice).handle,
        "unpacking": factories.make_unpacking(collection).pk,
        **factories.make_application_names(),
        **factories.make_webhook_names(alice),
        "upload": factories.make_upload(alice, collection).pk,
        "user": alice.pk,
        "group": factories.make_group().pk,
        "access": factories.make_access_request(collection, factories.make_user()).pk,
        "inner": factories.make_group().pk,
        "role": factories.make_role().pk,
        "topic": factories.make_topic("Cars").pk,
        "topic_rule": factories.make_topic_rule(factories.make_topic("Pay")).pk,
        "endpoint": endpoint.pk,
        "language_model": (model := factories.make_language_model()).model_id,
        "model_version": model.pk,
        "quota": factories.make_quota().pk,
        "profile": current_profile().pk,
        "provider": factories.make_provider().slug,
        "rule": rule.pk,
        "identity_source": rule.source_id,
        "directory": rule.source.directory.pk,
        "path": "Users",
        **factories.make_provisioning_names(),
    }


def _status(client: Client, method: str, url: str) -> int:
    body: dict[str, Any] = {} if method in {"get", "post"} else {"content_type": "application/json"}
    response = getattr(client, method)(url, **body)
    if response.streaming:
        response.getvalue()  # a file that is not read to its end stays open
    return int(response.status_code)


def _answers(client: Client, routes: list[Route], names: dict[str, Any]) -> dict[str, int]:
    """``GET chat:new`` → status, of each route by each method that it takes."""
    found = {
        f"{method.upper()} {route.name}": _status(client, method, route.url(names))
        for route in routes
        for method in METHODS
    }
    return {what: status for what, status in found.items() if status != 405}


def test_only_listed_routes_answer_without_signing_in(names):
    client = Client()
    found = set()
    for route in ROUTES:
        for method in METHODS:
            response = getattr(client, method)(route.url(names))
            signs_in = response.status_code == 401 or (
                response.status_code == 302 and response["Location"].startswith("/sign-in")
            )
            if not signs_in and response.status_code != 405:
                found.add(route.name)
    assert not unlisted(found, set(PUBLIC_ROUTES))
    assert not stale(found, set(PUBLIC_ROUTES))


def test_to_a_stranger_nothing_that_has_a_name_exists(carol, names, client_of):
    found = _answers(client_of(carol), NAMING, names)
    assert {what: status for what, status in found.items() if status != 404} == {}
    assert len(found) > len(NAMING)


def test_a_stranger_cannot_tell_a_thing_from_nothing(carol, names, client_of):
    client = client_of(carol)
    nothing = {part: uuid4() if part not in {"slug", "workspace"} else "nothing" for part in names}
    for route in NAMING:
        there, not_there = client.get(route.url(names)), client.get(route.url(nothing))
        assert there.status_code == not_there.status_code, route
        assert len(there.content) == len(not_there.content), route


def test_running_the_installation_is_for_administrators(alice, carol, names, client_of):
    for user in (alice, carol):
        found = _answers(client_of(user), RUNNING_IT, names)
        assert {what: status for what, status in found.items() if status not in {403, 404}} == {}


def test_an_administrator_without_a_role_reads_nothing_of_a_department(admin, names, client_of):
    # A receipt holds no content, and shows that a workspace is gone when nobody else is left to.
    inside = [route for route in NAMING if route.parts & {"document", "turn"}]
    inside += [route for route in NAMING if route.parts & {"conversation", "key"}]
    found = _answers(client_of(admin), inside, names)
    assert {what: status for what, status in found.items() if status != 404} == {}


def test_a_viewer_writes_nothing_but_what_is_listed(bob, names, client_of):
    found = _answers(client_of(bob), NAMING, names)
    done = {
        what
        for what, status in found.items()
        if not what.startswith("GET") and status not in {400, 403, 404, 415}
    }
    assert not unlisted(done, set(VIEWER_WRITES))
    assert not stale(done, set(VIEWER_WRITES))
