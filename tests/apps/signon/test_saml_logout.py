"""Signing out by SAML 2.0: begun here, and begun at the provider."""

import base64
import re
import shutil
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from lxml import etree
from saml2 import BINDING_HTTP_POST
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


# --- providers that take forms only ---------------------------------------------------------------
@pytest.fixture(scope="module")
def form_idp():
    made = Idp(BINDING_HTTP_POST)
    yield made
    made.close()


@pytest.fixture
def form_adfs(make_provider, form_idp):
    return make_provider(
        kind="saml", slug="adfs", confirms_emails=True, values={"metadata": form_idp.metadata}
    )


def _form(page) -> dict[str, str]:
    """What the button of the page posts, and nothing but it."""
    body = page.content.decode()
    assert 'action="https://idp.example/slo"' in body
    assert 'method="post"' in body
    assert 'http-equiv="refresh"' not in body
    form = body[body.index("<kb-onward>") : body.index("</kb-onward>")]
    assert "csrf" not in form
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def test_signing_out_here_posts_a_signed_request_where_the_provider_takes_forms_only(
    form_adfs, form_idp
):
    browser = _signed_in(form_idp)
    page = browser.post("/sign-out")
    assert person_in(browser) is None
    fields = _form(page)
    assert set(fields) == {"SAMLRequest"}
    understood = form_idp.understood_form(_ours(), fields)
    assert understood.message.name_id.text == "erika-1"
    assert understood.message.signature is not None
    assert understood.message.destination == "https://idp.example/slo"
    changed = base64.b64decode(fields["SAMLRequest"]).replace(b"erika-1", b"admin-1")
    with pytest.raises(Exception, match="not signed correctly"):
        form_idp.understood_form(_ours(), {"SAMLRequest": base64.b64encode(changed).decode()})


def test_only_the_page_that_posts_it_lets_a_form_lead_elsewhere(form_adfs, form_idp):
    page = _signed_in(form_idp).post("/sign-out")
    policy = page["Content-Security-Policy"]
    assert "form-action 'self' https:;" in f"{policy};"
    assert "script-src 'self';" in f"{policy};"
    other = Client().get("/sign-in")["Content-Security-Policy"]
    assert "form-action 'self';" in f"{other};"


@pytest.mark.parametrize("is_posted", [False, True], ids=["redirect", "post"])
def test_the_answer_is_posted_where_the_provider_takes_forms_only(form_adfs, form_idp, is_posted):
    browser = _signed_in(form_idp)
    fields = {**form_idp.logout(_ours(), posted=is_posted)}
    if is_posted:
        fields["RelayState"] = '"><script>'
    carrier = Client()
    page = carrier.post(ENDED, fields) if is_posted else carrier.get(ENDED, fields)
    assert page.status_code == 200, page.content
    assert person_in(browser) is None
    said = _form(page)
    relay = "&quot;&gt;&lt;script&gt;" if is_posted else "r1"
    assert said["RelayState"] == relay
    asked = form_idp.number_of(fields["SAMLRequest"])
    form_idp.accepted(_ours(), said, asked)
    answer = etree.fromstring(base64.b64decode(said["SAMLResponse"]))
    assert answer.find("{http://www.w3.org/2000/09/xmldsig#}Signature") is not None


def test_a_request_without_a_signature_gets_no_page(form_adfs, form_idp):
    browser = _signed_in(form_idp)
    unsigned = form_idp.logout(_ours(), posted=True, sign=False)
    assert Client().post(ENDED, unsigned).status_code == 400
    assert person_in(browser)
