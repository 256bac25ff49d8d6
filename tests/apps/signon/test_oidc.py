"""Signing in by OpenID Connect."""

from urllib.parse import parse_qs, urlsplit

from django.test import Client

from apps.accounts.models import User
from apps.signon.models import SignOnIdentity
from tests import factories
from tests.apps.signon.conftest import begun, come_back, person_in


def test_the_sign_in_page_offers_the_provider(provider):
    page = Client().get("/sign-in?next=/me").content.decode()
    assert "Sign in with Acme" in page
    assert "/sign-on/main?next=%2Fme" in page


def test_the_chinese_page_shows_its_chinese_name(make_provider, fake):
    make_provider(name_zh="统一登录", values={"issuer": fake.url, "client_id": "footnote"})
    page = Client().get("/sign-in", headers={"Accept-Language": "zh-CN"}).content.decode()
    assert "统一登录" in page


def test_a_provider_that_is_off_is_not_offered_and_does_not_answer(make_provider, fake):
    make_provider(is_on=False, values={"issuer": fake.url, "client_id": "footnote"})
    assert "Acme" not in Client().get("/sign-in").content.decode()
    assert Client().get("/sign-on/main").status_code == 404


def test_the_browser_leaves_with_pkce_state_and_nonce(provider, fake):
    sent = begun(Client())
    assert sent["response_type"] == "code"
    assert sent["code_challenge_method"] == "S256"
    assert len(sent["code_challenge"]) == 43
    assert len(sent["state"]) >= 32
    assert len(sent["nonce"]) >= 32
    assert sent["redirect_uri"].endswith("/sign-on/main/callback")


def test_somebody_new_gets_an_account_and_is_signed_in(provider, fake):
    browser = Client()
    response = come_back(browser, fake)
    assert response.status_code == 302
    assert response["Location"] == "/"
    person = User.objects.get(email="erika@example.com")
    assert person_in(browser) == str(person.pk)
    assert not person.has_usable_password()


def test_the_code_is_redeemed_with_the_verifier_and_the_secret(provider, fake):
    come_back(Client(), fake)
    _path, form, headers = next(each for each in fake.asked if each[0] == "/token")
    assert len(form["code_verifier"][0]) >= 43
    assert headers["Authorization"].startswith("Basic ")


def test_the_same_subject_is_the_same_person_whatever_their_address_is(provider, fake):
    come_back(Client(), fake)
    browser = Client()
    come_back(browser, fake, email="erika.new@example.com", name="Erika Neu")
    assert User.objects.filter(sign_on_identities__isnull=False).count() == 1
    assert person_in(browser) == str(User.objects.get(email="erika@example.com").pk)


def test_another_subject_with_the_same_address_is_not_let_in(provider, fake):
    come_back(Client(), fake)
    browser = Client()
    response = come_back(browser, fake, sub="somebody-else")
    assert response.status_code == 403
    assert person_in(browser) is None


def test_one_goes_on_to_the_page_that_one_wanted(provider, fake):
    browser = Client()
    sent = begun(browser, query="?next=/me/keys")
    fake.said = {"nonce": sent["nonce"]}
    response = browser.get("/sign-on/main/callback", {"code": "c", "state": sent["state"]})
    assert response["Location"] == "/me/keys"


def test_next_leads_nowhere_else(provider, fake):
    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        browser = Client()
        sent = begun(browser, query=f"?next={elsewhere}")
        fake.said = {"nonce": sent["nonce"]}
        response = browser.get("/sign-on/main/callback", {"code": "c", "state": sent["state"]})
        assert response["Location"] == "/"


def test_what_the_token_leaves_out_is_asked_of_userinfo(provider, fake):
    fake.userinfo = {"sub": "248289761001", "email": "u@example.com", "email_verified": True}
    come_back(Client(), fake, email=None, email_verified=None, name=None)
    assert User.objects.filter(email="u@example.com").exists()


def test_userinfo_about_somebody_else_is_not_believed(provider, fake):
    fake.userinfo = {"sub": "another", "email": "u@example.com", "email_verified": True}
    assert come_back(Client(), fake, email=None).status_code == 400
    assert not User.objects.filter(email="u@example.com").exists()


# --- accounts that are there already --------------------------------------------------------------
def test_an_account_of_the_address_is_not_taken_over_by_default(provider, fake):
    factories.make_user("erika", email="erika@example.com")
    browser = Client()
    response = come_back(browser, fake)
    assert response.status_code == 403
    assert "connect" in response.content.decode()
    assert person_in(browser) is None


def test_it_is_where_the_provider_speaks_for_the_domain(make_provider, fake):
    values = {"issuer": fake.url, "client_id": "footnote"}
    make_provider(domains=["example.com"], values=values)
    erika = factories.make_user("erika", email="Erika@example.com")
    browser = Client()
    come_back(browser, fake)
    assert person_in(browser) == str(erika.pk)


def test_but_not_with_an_address_that_is_not_confirmed(make_provider, fake):
    values = {"issuer": fake.url, "client_id": "footnote"}
    make_provider(domains=["example.com"], values=values)
    factories.make_user("erika", email="erika@example.com")
    for said in (False, None, "false", "yes", 1):
        assert come_back(Client(), fake, email_verified=said).status_code == 403, said


def test_nor_the_account_of_an_administrator(make_provider, fake):
    values = {"issuer": fake.url, "client_id": "footnote"}
    make_provider(domains=["example.com"], values=values)
    factories.make_user("erika", email="erika@example.com", is_administrator=True)
    assert come_back(Client(), fake).status_code == 403


def test_an_address_that_is_not_confirmed_is_not_given_to_a_new_account(provider, fake):
    browser = Client()
    come_back(browser, fake, email="ceo@example.com", email_verified=False)
    assert person_in(browser) is not None
    assert not User.objects.filter(email="ceo@example.com").exists()


def test_nobody_is_made_where_that_is_off(make_provider, fake):
    make_provider(creates_people=False, values={"issuer": fake.url, "client_id": "footnote"})
    assert come_back(Client(), fake).status_code == 403
    assert not User.objects.filter(email="erika@example.com").exists()


def test_somebody_who_was_deactivated_does_not_come_in(provider, fake):
    come_back(Client(), fake)
    User.objects.filter(email="erika@example.com").update(is_active=False)
    browser = Client()
    assert come_back(browser, fake).status_code == 403
    assert person_in(browser) is None


def test_one_connects_ones_own_account(provider, fake, alice, client_of):
    browser = client_of(alice)
    page = browser.post("/me/sign-on/main/connect")
    target = page.context["target"]
    sent = {name: each[0] for name, each in parse_qs(urlsplit(target).query).items()}
    fake.said = {"nonce": sent["nonce"]}
    browser.get("/sign-on/main/callback", {"code": "c", "state": sent["state"]})
    assert SignOnIdentity.objects.get().user == alice
    other = Client()
    come_back(other, fake)
    assert person_in(other) == str(alice.pk)


def test_nobody_connects_what_opens_somebody_elses_account(provider, fake, alice, client_of):
    come_back(Client(), fake)
    browser = client_of(alice)
    target = browser.post("/me/sign-on/main/connect").context["target"]
    sent = {name: each[0] for name, each in parse_qs(urlsplit(target).query).items()}
    fake.said = {"nonce": sent["nonce"]}
    response = browser.get("/sign-on/main/callback", {"code": "c", "state": sent["state"]})
    assert response.status_code == 403
    assert SignOnIdentity.objects.get().user != alice
