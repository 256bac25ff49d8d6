"""Signing out by SAML 2.0: begun here, and begun at the provider."""

import shutil
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.time_util import in_a_while

from apps.signon.models import SignOnSession
from tests.apps.signon.conftest import person_in
from tests.apps.signon.saml_idp import Idp, posted, sent_with

pytestmark = [
    pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="xmlsec1 is not installed"),
    pytest.mark.filterwarnings("ignore"),
]
ENDED = "/sign-on/adfs/ended"


@pytest.fixture(scope="module")
def idp():
    made = Idp()
    yield made
    made.close()


@pytest.fixture
def adfs(make_provider, idp):
    return make_provider(
        kind="saml", slug="adfs", confirms_emails=True, values={"metadata": idp.metadata}
    )


def _ours() -> str:
    return Client().get("/sign-on/adfs/metadata").content.decode()


def _signed_in(idp: Idp) -> Client:
    browser = Client()
    sent = sent_with(browser)
    answer = posted(browser, idp.response(_ours(), sent), sent["RelayState"])
    assert answer.status_code == 302
    assert person_in(browser)
    return browser


def _query(address: str) -> dict[str, str]:
    return {name: each[0] for name, each in parse_qs(urlsplit(address).query).items()}


def test_signing_out_here_leads_to_the_provider_with_a_signed_request(adfs, idp):
    browser = _signed_in(idp)
    page = browser.post("/sign-out")
    assert person_in(browser) is None
    target = page.context["target"]
    assert target.startswith("https://idp.example/slo?")
    understood = idp.understood(_ours(), _query(target))
    assert understood.message.name_id.text == "erika-1"
    back = browser.get(ENDED, {"SAMLResponse": "x"})
    assert (back.status_code, back["Location"]) == (302, "/sign-in")


@pytest.mark.parametrize("is_posted", [False, True], ids=["redirect", "post"])
def test_the_provider_ends_the_sessions_of_a_person_and_gets_an_answer(adfs, idp, is_posted):
    first, second = _signed_in(idp), _signed_in(idp)
    fields = idp.logout(_ours(), posted=is_posted)
    carrier = Client()
    answer = carrier.post(ENDED, fields) if is_posted else carrier.get(ENDED, fields)
    assert answer.status_code == 302, answer.content
    assert answer["Location"].startswith("https://idp.example/slo?SAMLResponse=")
    assert "Signature" in _query(answer["Location"])
    assert person_in(first) is None
    assert person_in(second) is None
    assert not SignOnSession.objects.exists()


def test_a_session_index_ends_that_session_alone(adfs, idp):
    first, second = _signed_in(idp), _signed_in(idp)
    row = SignOnSession.objects.get(session_key=first.session.session_key)
    fields = idp.logout(_ours(), session_indexes=[row.sid])
    assert Client().get(ENDED, fields).status_code == 302
    assert person_in(first) is None
    assert person_in(second)


@pytest.mark.parametrize("is_posted", [False, True], ids=["redirect", "post"])
def test_a_request_without_a_signature_ends_nothing(adfs, idp, is_posted):
    browser = _signed_in(idp)
    fields = idp.logout(_ours(), posted=is_posted, sign=False)
    answer = Client().post(ENDED, fields) if is_posted else Client().get(ENDED, fields)
    assert answer.status_code == 400
    assert person_in(browser)


def test_a_request_of_another_key_or_for_somebody_else_ends_nothing(adfs, idp):
    browser, other = _signed_in(idp), Idp()
    assert Client().get(ENDED, other.logout(_ours())).status_code == 400
    other.close()
    elsewhere = idp.logout(_ours(), destination="https://other.example/slo")
    assert Client().get(ENDED, elsewhere).status_code == 400
    changed = {**idp.logout(_ours()), "RelayState": "another"}
    assert Client().get(ENDED, changed).status_code == 400
    assert person_in(browser)
    nobody = NameID(format=NAMEID_FORMAT_PERSISTENT, text="nobody")
    assert Client().get(ENDED, idp.logout(_ours(), name_id=nobody)).status_code == 302
    assert person_in(browser)


def test_a_request_is_taken_once(adfs, idp):
    fields = idp.logout(_ours())
    assert Client().get(ENDED, fields).status_code == 302
    browser = _signed_in(idp)
    assert Client().get(ENDED, fields).status_code == 400
    assert person_in(browser)


def test_a_request_whose_time_is_over_ends_nothing(adfs, idp):
    browser = _signed_in(idp)
    late = idp.logout(_ours(), expire=in_a_while(hours=-1))
    assert Client().get(ENDED, late).status_code == 400
    assert person_in(browser)
    in_time = idp.logout(_ours(), expire=in_a_while(hours=1))
    assert Client().get(ENDED, in_time).status_code == 302
    assert person_in(browser) is None


def test_what_is_no_request_ends_nothing(adfs):
    for nonsense in ("", "x", "PHgvPg=="):
        assert Client().get(ENDED, {"SAMLRequest": nonsense}).status_code == 400
        assert Client().post(ENDED, {"SAMLRequest": nonsense}).status_code == 400
