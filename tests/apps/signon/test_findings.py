"""What went wrong once with sign-ins, and does no more."""

from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.test import Client
from redis.exceptions import ConnectionError as RedisDown

from apps.accounts import services as accounts
from apps.accounts.models import BrowserSession, OneTimeLink, User
from apps.signon import services
from apps.signon.models import SignOnIdentity, SignOnPolicy, SignOnSession
from tests.apps.signon.conftest import come_back, person_in

ERIKA = {"sub": "erika-1", "email": "erika@example.com", "email_verified": True, "name": "Erika"}


def test_what_is_remembered_of_sessions_that_are_over_goes(provider, fake):
    come_back(Client(), fake, **ERIKA)
    come_back(Client(), fake, **ERIKA)
    assert SignOnSession.objects.count() == 2
    BrowserSession.objects.filter(session_key=SignOnSession.objects.first().session_key).delete()
    services.forget_over()
    assert SignOnSession.objects.count() == 1


def test_another_provider_of_the_same_issuer_speaks_for_nobody_of_the_first(
    provider, make_provider, fake
):
    come_back(Client(), fake, **ERIKA)
    values = {"issuer": fake.url, "client_id": "footnote", "client_secret": "s"}
    make_provider(slug="other", values=values)
    browser = Client()
    assert come_back(browser, fake, slug="other", **ERIKA).status_code == 403
    assert person_in(browser) is None
    own = {"sub": "erika-1", "email": "e@other.example"}
    assert come_back(browser, fake, slug="other", **own).status_code == 302
    assert SignOnIdentity.objects.count() == 2
    assert User.objects.filter(sign_on_identities__isnull=False).distinct().count() == 2


def test_two_browsers_that_arrive_at_the_same_moment_are_the_same_person(provider, fake):
    known, looked = services._known, []

    def meanwhile(*args):
        if looked:
            return known(*args)
        looked.append(args)
        assert come_back(Client(), fake, **ERIKA).status_code == 302
        return None

    browser = Client()
    with patch.object(services, "_known", meanwhile):
        assert come_back(browser, fake, **ERIKA).status_code == 302
    person = User.objects.get(email="erika@example.com")
    assert person_in(browser) == str(person.pk)


def test_a_link_sets_no_password_where_they_are_for_administrators_only(provider, alice, admin):
    alice.set_unusable_password()
    alice.save()
    path = accounts.one_time_link(OneTimeLink.Purpose.INVITE, alice)
    theirs = accounts.one_time_link(OneTimeLink.Purpose.RESET, admin)
    SignOnPolicy.objects.create(passwords_for_administrators_only=True)
    browser = Client()
    answer = browser.post(path, {"name": "Alice", "password": "correct horse battery 9"})
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in")
    assert person_in(browser) is None
    assert not User.objects.get(pk=alice.pk).has_usable_password()
    assert Client().get(theirs).status_code == 200


def test_nor_does_a_password_stand_for_a_lost_factor_there(provider, alice):
    alice.password = make_password("alice-secret-7")
    alice.save()
    path = accounts.one_time_link(OneTimeLink.Purpose.FACTOR, alice)
    SignOnPolicy.objects.create(passwords_for_administrators_only=True)
    browser = Client()
    assert browser.post(path, {"password": "alice-secret-7"}).status_code == 422
    assert person_in(browser) is None


@pytest.mark.parametrize("kind", ["back-channel logout", "posted answers"])
def test_without_redis_what_must_count_once_is_refused_and_nothing_breaks(
    kind, provider, make_provider, fake
):
    down = patch.multiple(cache, get=_down, set=_down, add=_down, delete=_down, get_many=_down)
    if kind == "posted answers":
        make_provider(kind="saml", slug="adfs", values={"metadata": _METADATA})
        with down:
            answer = Client().post("/sign-on/adfs/callback", {"SAMLResponse": "x"})
        assert answer.status_code == 503
        return
    token = fake.logout_token(sub="erika-1")
    with down:
        answer = Client().post("/sign-on/main/ended", {"logout_token": token})
    assert answer.status_code == 400


def test_without_redis_one_signs_in_all_the_same(provider, fake):
    browser = Client()
    with patch.multiple(cache, get=_down, set=_down):
        assert come_back(browser, fake, **ERIKA).status_code == 302
    assert person_in(browser)


def _down(*_args, **_kwargs):
    raise RedisDown


_METADATA = '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example"/>'
