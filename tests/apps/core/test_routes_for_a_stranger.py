"""A stranger gets 404 on every route that names a thing, and whoever is not signed in gets nothing.

The table is generated from the URL tree: a new route is asked without being written here, and a
route with a new kind of argument fails until ``samples`` has one.
"""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.test import Client

from apps.accounts import services
from apps.accounts.models import User
from apps.documents.models import Chunk, DeletionReceipt, PassageEdit
from apps.engines.models import Endpoint
from apps.engines.profiles import current_profile
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection, CollectionGrant, Member, Workspace
from tests import factories
from tests.apps.core.routes import Route, routes
from tests.guards.allowed import PUBLIC_ROUTES

# Addresses whose argument is itself the secret; they have tests of their own.
TOKENS = {"accounts:setup", "accounts:join", "accounts:lost-factor"}
# Providers are shown to everybody on the sign-in page, and each person connects their own account.
SHOWN = {f"signon:{name}" for name in ("begin", "callback", "metadata", "ended")}
SHOWN |= {"signon:connect", "signon:disconnect"}
# Systems that tell of people come with a token of their source, and a session counts for nothing.
PROGRAMS = {"scim:root", "scim:door"}
SHOWN |= {"scim:door"}
# Addresses of the API that are for administrators: to others nothing is there.
OF_ADMINISTRATORS = (
    "api/v1/applications/",
    "api/v1/webhooks/",
)
METHODS = {False: ("get", "post"), True: ("get", "post", "put", "patch", "delete")}
ALL = {route.pattern: route for route in routes()}
NAMING = [route for route in ALL.values() if route.parameters and route.name not in TOKENS | SHOWN]

SignIn = Callable[[User], Client]


@pytest.fixture
def samples(alice: User, bob: User, workspace: Workspace, collection: Collection) -> dict[str, str]:
    """One thing of alice's for every kind of argument that an address takes."""
    document = factories.make_document(collection)
    conversation = factories.make_conversation(alice, workspace=workspace)
    turn = factories.make_turn(conversation, sources=[document])
    source = factories.make_source(collection, alice)
    key, _plain = factories.make_api_key(alice)
    rule = factories.make_rule()
    endpoint = Endpoint.objects.create(name="vLLM", base_url="http://vllm:8000/v1", model="m")
    with system_scope("test: samples"):
        deletion = DeletionReceipt.objects.create(
            kind="document",
            object_id=uuid4(),
            workspace_id=workspace.pk,
            collection_id=collection.pk,
            requested_by_id=alice.pk,
        )
        chunk = Chunk.objects.filter(document=document)[0]
        edit = PassageEdit.objects.create(collection=collection, document=document, text="t")
        member = Member.objects.get(user=alice)
        grant = CollectionGrant.objects.get(user=bob)
    return {
        "slug": workspace.slug,
        "workspace": workspace.slug,
        "collection": str(collection.pk),
        "document": str(document.pk),
        "version": str(document.current_id),
        "chunk": str(chunk.pk),
        "edit": str(edit.pk),
        "deletion": str(deletion.pk),
        "source": str(source.pk),
        "run": str(factories.make_source_run(source, state="asking", to_remove=1).pk),
        "model": f"footnote/{workspace.slug}",
        "file": str(document.pk),
        "store": str(collection.pk),
        "conversation": str(conversation.pk),
        "turn": str(turn.pk),
        "member": str(member.pk),
        "grant": str(grant.pk),
        "key": str(key.pk),
        "passkey": str(factories.make_passkey(alice).pk),
        "session": str(factories.make_session(alice).handle),
        "user": str(bob.pk),
        "group": str(factories.make_group("Buyers", bob).pk),
        "access": str(factories.make_access_request(collection, alice).pk),
        "inner": str(factories.make_group("Interns", bob).pk),
        "role": str(factories.make_role().pk),
        "topic": str(factories.make_topic("Cars").pk),
        "topic_rule": str(factories.make_topic_rule(factories.make_topic("Pay")).pk),
        "endpoint": str(endpoint.pk),
        "language_model": str((model := factories.make_language_model()).model_id),
        "model_version": str(model.pk),
        "quota": str(factories.make_quota().pk),
        "profile": str(current_profile().pk),
        "provider": factories.make_provider().slug,
        "rule": str(rule.pk),
        "identity_source": str(rule.source_id),
        "directory": str(rule.source.directory.pk),
        "path": "Users",
        **{name: str(pk) for name, pk in factories.make_provisioning_names().items()},
        "unpacking": str(factories.make_unpacking(collection).pk),
        **{name: str(pk) for name, pk in factories.make_application_names().items()},
        **{name: str(pk) for name, pk in factories.make_webhook_names(alice).items()},
        "upload": str(factories.make_upload(alice, collection).pk),
        "token": "a-token-of-nobody",
    }


def missing(values: dict[str, str]) -> dict[str, str]:
    """The same arguments, naming nothing."""
    return {name: str(uuid4()) if _is_id(value) else "nothing" for name, value in values.items()}


def _is_id(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


def ask(client: Client, route: Route, values: dict[str, str]) -> dict[str, tuple[int, bytes]]:
    """(status, body) of the address by each method."""
    answers = {}
    for method in METHODS[route.is_api]:
        extra = {"content_type": "application/json"} if route.is_api and method != "get" else {}
        response = getattr(client, method)(route.path(values), **extra)
        if response.streaming and not response.is_async:
            response.getvalue()  # closes the file behind it
        body = b"" if response.streaming else response.content
        answers[method] = (response.status_code, response.get("Location", "").encode() + body)
    return answers


def statuses(answers: dict[str, tuple[int, bytes]]) -> dict[str, int]:
    return {method: status for method, (status, _body) in answers.items()}


def is_administration(route: Route) -> bool:
    return route.pattern.removeprefix("api/v1/").startswith("administration/")


def test_every_kind_of_argument_has_a_sample(samples: dict[str, str]) -> None:
    asked = {name for route in ALL.values() for name in route.parameters}
    assert asked == set(samples)


def test_a_stranger_cannot_tell_a_thing_from_nothing(
    samples: dict[str, str], carol: User, client_of: SignIn
) -> None:
    browser, nothing = client_of(carol), missing(samples)
    for route in NAMING:
        there, nowhere = ask(browser, route, samples), ask(browser, route, nothing)
        found = statuses(there)
        assert found == statuses(nowhere), route.pattern
        if is_administration(route):
            # The whole administration is not for her; she learns nothing of what is in it.
            assert set(found.values()) <= {403, 405}, route.pattern
            assert 403 in found.values(), route.pattern
        else:
            assert set(found.values()) <= {404, 405}, route.pattern
            assert 404 in found.values(), route.pattern
        for _status, body in there.values():
            for secret in (b"Procurement", b"Contracts", b"notice period", b"alice@"):
                assert secret not in body, route.pattern


def test_a_key_of_a_stranger_reaches_no_more_than_the_stranger(
    samples: dict[str, str], carol: User
) -> None:
    _key, plain = factories.make_api_key(carol)
    client = Client(headers={"Authorization": f"Bearer {plain}"})
    for route in NAMING:
        if route.is_api and not is_administration(route):
            found = set(statuses(ask(client, route, samples)).values())
            assert found <= {404, 405}, route.pattern
            assert 404 in found, route.pattern


def test_the_samples_are_something_for_those_they_belong_to(
    samples: dict[str, str], alice: User, admin: User, client_of: SignIn
) -> None:
    """Or the tests above would hold for addresses that are always empty."""
    empty = []
    for route in NAMING:
        if route.pattern.endswith(("/stop", "/again")):
            continue  # goes through the event loop, which sees only what is committed
        with transaction.atomic():  # what one address removes is there again for the next
            is_admins = is_administration(route) or route.pattern.startswith(OF_ADMINISTRATORS)
            browser = client_of(admin if is_admins else alice)
            found = statuses(ask(browser, route, samples))
            transaction.set_rollback(True)
        if set(found.values()) <= {403, 404, 405}:
            empty.append(f"{route.pattern}: {found}")
    assert empty == []


def test_nobody_gets_anything_without_signing_in(samples: dict[str, str]) -> None:
    for route in ALL.values():
        if route.name in PUBLIC_ROUTES:
            continue
        for method, (status, body) in ask(Client(), route, samples).items():
            where = f"{method} {route.pattern}"
            if route.is_api or route.name in PROGRAMS:
                assert status in {401, 405}, where
            else:
                assert status == 302, where
                assert body.startswith(b"/sign-in?next=/"), where


def test_a_used_up_link_and_a_guessed_one_look_the_same(db: None) -> None:
    token = services.setup_token()
    factories.make_user(is_administrator=True)
    used, guessed = (Client().get(f"/setup/{one}") for one in (token, "guessed"))
    assert used.status_code == guessed.status_code == 404
