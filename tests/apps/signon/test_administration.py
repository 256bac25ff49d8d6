"""Setting providers up, and who may."""

import pytest
from django.test import Client

from apps.accounts.models import Group, GroupMember, User
from apps.directory.mapping import source_of
from apps.directory.models import MappingRule
from apps.signon import services
from apps.signon.models import SignOnProvider
from apps.workspaces.scopes import scope_of
from tests import factories
from tests.apps.signon.conftest import come_back, person_in

LIST = "/administration/sign-on"


def _form(fake, **changes):
    own = {"issuer": fake.url, "client_id": "footnote", "client_secret": "top-secret"}
    general = {"name": "Acme", "name_zh": "", "slug": "acme", "domains": "", "is_on": "on"}
    return {**own, **general, "scopes": "openid email", "groups_claim": "groups", **changes}


def test_an_administrator_adds_one_and_sees_what_to_copy(admin, client_of, fake):
    browser = client_of(admin)
    made = browser.post(f"{LIST}/new?kind=oidc", _form(fake), follow=True)
    page = made.content.decode()
    assert "/sign-on/acme/callback" in page
    assert "oidc:acme" in page
    assert "top-secret" not in page


@pytest.mark.parametrize("kind", ["oidc", "saml", "cas", "wecom", "dingtalk", "feishu", "header"])
def test_each_kind_has_a_form(admin, client_of, kind):
    assert client_of(admin).get(f"{LIST}/new?kind={kind}").status_code == 200


def test_the_kinds_are_shown_with_their_names_and_lead_to_their_forms(admin, client_of):
    page = client_of(admin).get(f"{LIST}/new").content.decode()
    for kind, label in (("oidc", "OpenID Connect"), ("saml", "SAML 2.0"), ("wecom", "WeCom")):
        assert f'href="?kind={kind}"' in page
        assert label in page


def test_the_page_of_a_provider_tests_its_own_kind(admin, client_of, provider):
    page = client_of(admin).get(f"{LIST}/providers/main").content.decode()
    assert "/administration/sign-on/test?kind=oidc&amp;provider=main" in page


def test_the_secret_is_sealed_and_stays_when_it_is_left_out(admin, client_of, fake):
    browser = client_of(admin)
    browser.post(f"{LIST}/new?kind=oidc", _form(fake))
    row = SignOnProvider.objects.get()
    assert "top-secret" not in row.secrets
    browser.post(f"{LIST}/providers/acme", _form(fake, client_secret="", name="Renamed"))
    row.refresh_from_db()
    assert row.name == "Renamed"
    assert services.secrets_of(row) == {"client_secret": "top-secret"}


def test_it_has_to_be_typed_again_for_another_address(admin, client_of, fake):
    browser = client_of(admin)
    browser.post(f"{LIST}/new?kind=oidc", _form(fake))
    elsewhere = _form(fake, client_secret="", issuer="https://evil.example")
    response = browser.post(f"{LIST}/providers/acme", elsewhere)
    assert response.status_code == 422
    assert "Type it again" in response.content.decode()


def test_a_test_goes_step_by_step_and_stops_where_it_fails(admin, client_of, fake):
    fake.metadata = {"jwks_uri": "http://127.0.0.1:1/keys"}
    page = client_of(admin).post(f"{LIST}/test?kind=oidc", _form(fake)).content.decode()
    assert "It describes itself" in page
    assert "SIGN_ON_UNREACHABLE" not in page
    assert "The sign-in server does not answer" in page
    assert "It knows this client" not in page


def test_nobody_else_sets_them_up(alice, client_of, provider):
    browser = client_of(alice)
    for path in ("", "/new", "/new?kind=oidc", "/providers/main"):
        assert browser.get(LIST + path).status_code == 403
    for path in ("/test?kind=oidc", "/policy", "/providers/main", "/providers/main/delete"):
        assert browser.post(LIST + path).status_code == 403


def test_groups_of_the_provider_give_what_they_are_mapped_to(provider, fake):
    group = Group.objects.create(name="Buyers")
    source = source_of("oidc:main")
    MappingRule.objects.create(source=source, outside="purchasing", group=group)
    come_back(Client(), fake, groups=["purchasing"])
    person = User.objects.get(email="erika@example.com")
    assert GroupMember.objects.filter(user=person, group=group).exists()
    come_back(Client(), fake, groups=[])
    assert not GroupMember.objects.filter(user=person, group=group).exists()


def test_groups_of_the_provider_give_an_own_role(provider, fake, workspace):
    role = factories.make_role("Librarian")
    MappingRule.objects.create(
        source=source_of("oidc:main"),
        outside="purchasing",
        workspace_id=workspace.pk,
        custom=role,
    )
    come_back(Client(), fake, groups=["purchasing"])
    person = User.objects.get(email="erika@example.com")
    assert scope_of(person).workspaces[workspace.pk] == role.held()
    come_back(Client(), fake, groups=[])
    assert workspace.pk not in scope_of(person).workspaces


def test_groups_that_are_too_many_for_a_token_change_nothing(provider, fake):
    group = Group.objects.create(name="Buyers")
    MappingRule.objects.create(source=source_of("oidc:main"), outside="purchasing", group=group)
    come_back(Client(), fake, groups=["purchasing"])
    come_back(Client(), fake, _claim_names={"groups": "src1"})
    assert GroupMember.objects.filter(group=group).count() == 1


# --- passwords ------------------------------------------------------------------------------------
def _signs_in(user: User) -> bool:
    user.set_password("a long enough password")
    user.save()
    browser = Client()
    form = {"username": user.email, "password": "a long enough password"}
    browser.post("/sign-in", form)
    return person_in(browser) is not None


def test_passwords_can_be_for_administrators_only(admin, alice, client_of, provider):
    client_of(admin).post(f"{LIST}/policy", {"passwords_for_administrators_only": "on"})
    assert not _signs_in(alice)
    assert _signs_in(admin)


def test_but_not_without_a_provider(admin, alice, client_of):
    response = client_of(admin).post(f"{LIST}/policy", {"passwords_for_administrators_only": "on"})
    assert response.status_code == 409
    assert _signs_in(alice)


def test_ones_own_page_shows_the_providers(alice, client_of, provider):
    page = client_of(alice).get("/me").content.decode()
    assert "/me/sign-on/main/connect" in page


def test_the_last_way_in_stays(provider, fake):
    browser = Client()
    come_back(browser, fake)
    browser.post("/me/sign-on/main/disconnect")
    assert browser.get("/me").status_code == 200


def test_deleting_a_provider_ends_its_sessions_and_keeps_people(admin, client_of, provider, fake):
    browser = Client()
    come_back(browser, fake)
    client_of(admin).post(f"{LIST}/providers/main/delete")
    assert browser.get("/me").status_code == 302
    assert User.objects.filter(email="erika@example.com", is_active=True).exists()
