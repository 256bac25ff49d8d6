"""From an empty database to a workspace: the printed link, the model check, the first room."""

from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import OneTimeLink, User
from apps.permissions.scope import entered, system_scope
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.scopes import scope_of
from tests import factories

GOOD = {"name": "Ada", "email": "ada@example.com", "password": "a rather long sentence"}


@pytest.fixture
def token(db: None) -> str:
    plain = services.setup_token()
    assert plain is not None
    return plain


def printed_link() -> str:
    out = StringIO()
    call_command("setup_link", stdout=out)
    return out.getvalue().strip()


def test_whoever_holds_the_link_becomes_the_administrator(token: str, client: Client) -> None:
    assert client.get(f"/setup/{token}").status_code == 200
    response = client.post(f"/setup/{token}", GOOD)
    assert response["Location"] == "/welcome"
    user = User.objects.get()
    assert user.is_administrator
    assert user.email == GOOD["email"]
    assert user.check_password(GOOD["password"])
    page = client.get("/welcome").content.decode()
    assert "What is up" in page
    assert "nothing" in page


def test_the_first_workspace_has_a_place_for_documents_and_a_manager(
    token: str, client: Client
) -> None:
    client.post(f"/setup/{token}", GOOD)
    response = client.post("/welcome", {"name": "Human resources", "mode": "documents_only"})
    assert response["Location"] == "/w/human-resources/documents"
    with entered(scope_of(User.objects.get())) as scope:
        assert Workspace.objects.get().name == "Human resources"
        room = Collection.objects.get()
        assert room.name == "Documents"
        assert scope.may_write(room.pk)


def test_in_chinese_the_first_place_has_a_chinese_name(token: str) -> None:
    """Where the messages are compiled; the name follows the reader's language."""
    client = Client(headers={"Accept-Language": "zh-CN"})
    client.post(f"/setup/{token}", GOOD)
    response = client.post("/welcome", {"name": "人力资源部", "mode": "documents_only"})
    assert response.status_code == 302
    with system_scope("test: look"):
        assert Workspace.objects.get().slug.startswith("w-")
        assert Collection.objects.count() == 1


def test_the_link_works_once(token: str, client: Client) -> None:
    client.post(f"/setup/{token}", GOOD)
    again = Client().post(f"/setup/{token}", {**GOOD, "email": "eve@example.com"})
    assert again.status_code == 404
    assert User.objects.count() == 1


def test_the_link_shows_nothing_once_there_is_an_administrator(token: str, admin: User) -> None:
    client = Client()
    assert client.get(f"/setup/{token}").status_code == 404
    assert client.post(f"/setup/{token}", GOOD).status_code == 404
    assert User.objects.get() == admin


def test_an_old_link_and_a_guessed_one_do_not_work(token: str, client: Client) -> None:
    assert client.get("/setup/guessed").status_code == 404
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert client.get(f"/setup/{token}").status_code == 404
        assert client.post(f"/setup/{token}", GOOD).status_code == 404


def test_a_newer_link_ends_the_older_one(token: str, client: Client) -> None:
    newer = services.setup_token()
    assert client.get(f"/setup/{token}").status_code == 404
    assert client.get(f"/setup/{newer}").status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("password", "short", "too short"),
        ("password", "password123", "too common"),
        ("password", "ada@example.com", "too similar"),
        ("email", "no address", "valid email"),
        ("name", "", "required"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_the_rest_is_kept(
    field: str, value: str, sentence: str, token: str, client: Client
) -> None:
    response = client.post(f"/setup/{token}", {**GOOD, field: value})
    page = response.content.decode()
    assert response.status_code == 422
    assert sentence in page
    assert 'class="errorlist"' in page
    if field != "name":
        assert 'value="Ada"' in page
    assert not User.objects.exists()
    # The link was not used up by the mistake.
    assert client.post(f"/setup/{token}", GOOD).status_code == 302


def test_the_command_prints_the_link_until_there_is_an_administrator(
    client: Client, db: None
) -> None:
    link = printed_link()
    assert link.startswith("http")
    path = "/setup/" + link.rpartition("/")[2]
    assert client.post(path, GOOD).status_code == 302
    assert printed_link() == ""


def test_an_unattended_install_gets_its_administrator_and_no_link(db: None, client: Client) -> None:
    token = services.setup_token()
    made = services.ensure_administrator(email="root@example.com", password=factories.PASSWORD)
    assert made is not None
    assert made.is_administrator
    assert services.ensure_administrator(email="x@example.com", password="another one") is None
    assert client.get(f"/setup/{token}").status_code == 404
    assert User.objects.get().check_password(factories.PASSWORD)


def test_before_the_first_run_the_sign_in_page_says_where_the_link_is(
    db: None, client: Client
) -> None:
    assert "no administrator yet" in client.get("/sign-in").content.decode()
    factories.make_user(is_administrator=True)
    assert "no administrator yet" not in client.get("/sign-in").content.decode()


def test_tokens_are_stored_as_hashes(token: str) -> None:
    row = OneTimeLink.objects.get()
    assert token not in {row.token_sha256, str(row.pk)}
    assert len(row.token_sha256) == 64


def test_only_an_administrator_sees_the_model_check(alice: User, client: Client) -> None:
    assert client.get("/welcome").status_code == 302
    client.force_login(alice)
    assert client.get("/welcome").status_code == 403
    assert client.post("/welcome", {"name": "Mine", "mode": "chat"}).status_code == 403
