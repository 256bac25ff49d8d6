"""SAML 2.0: what is believed is only what the provider's own key has signed, for us, in answer to
a request of this browser, once."""

import json
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from lxml import etree

from apps.signon import flows, shared
from apps.signon.asking import ask, refused, wrong_answer
from apps.signon.kinds.base import (
    Ended,
    Flow,
    Onward,
    ProviderKind,
    Statement,
    Trial,
    groups_of,
    subject_of,
    text_of,
)
from apps.signon.kinds.tokens import once
from apps.sources.connectors.base import AddressField, SettingsForm

if TYPE_CHECKING:
    from apps.signon.kinds.saml_sp import Message, Side

KEPT_S = 3600
# Longer than any assertion is good for.
REMEMBERED_S = 24 * 3600
_YEARS = 20
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_SAFE = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
_EMAIL = ("mail", "email", "emailaddress", f"{_CLAIMS}/emailaddress")
_NAME = ("displayname", "cn", "name", f"{_CLAIMS}/name")


class SamlForm(SettingsForm):
    metadata_url = AddressField(
        label=_("Address of the provider's metadata"), required=False, help_text=_("Or paste it.")
    )
    metadata = forms.CharField(
        label=_("Metadata (XML)"),
        required=False,
        max_length=500_000,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    subject_attribute = forms.CharField(
        label=_("Attribute that names a person for good"),
        max_length=200,
        required=False,
        help_text=_("Empty: the NameID, which then has to be a lasting one."),
    )
    groups_attribute = forms.CharField(
        label=_("Attribute with groups"), max_length=200, initial="memberOf", required=False
    )
    signs_requests = forms.BooleanField(label=_("Our requests are signed"), required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if bool(given.get("metadata_url")) == bool(given.get("metadata")):
            raise forms.ValidationError(_("Give the metadata or its address: one of the two."))
        return given


class Saml(ProviderKind):
    kind = "saml"
    label = _("SAML 2.0")
    about = _("ADFS, Shibboleth, Keycloak, Entra ID and most others.")
    form = SamlForm
    origin = "saml"
    posts_answers = True

    @classmethod
    def made_secrets(cls) -> dict[str, str]:
        return _key_pair()

    # --- the provider ---------------------------------------------------------------------------
    def _metadata(self) -> str:
        """The provider's description: pasted, or asked for once in an hour."""
        if pasted := self.settings.get("metadata"):
            return str(pasted)
        url = str(self.settings["metadata_url"])
        found = shared.found(f"sign-on:saml:{url}")
        if found is None:
            answer = ask("GET", url)
            if answer.status != 200:
                raise wrong_answer(f"status {answer.status}")
            found = answer.body.decode("utf-8", "replace")
            _entity(found)
            shared.keep(f"sign-on:saml:{url}", found, KEPT_S)
        return str(found)

    @property
    def entity(self) -> str:
        return _entity(self._metadata())

    @property
    def issuer(self) -> str:
        return f"saml:{self.entity}"

    def _side(self, *, needs_metadata: bool = True) -> "Side":
        from apps.signon.kinds.saml_sp import Side  # noqa: PLC0415 - heavy: pysaml2

        return Side(
            ours=self.provider.address("metadata"),
            callback=self.provider.address("callback"),
            leaving=self.provider.address("ended"),
            metadata=self._metadata() if needs_metadata else "",
            secrets=dict(self.provider.secrets),
            xmlsec=_xmlsec(),
        )

    # --- signing in -----------------------------------------------------------------------------
    def away(self, flow: Flow) -> str:
        return self._side().request(
            entity=self.entity,
            number=_number_of(flow),
            relay=flow.state,
            signs=bool(self.settings.get("signs_requests")),
        )

    def state_of(self, request: HttpRequest) -> str:
        return flows.kept(request).get("RelayState", "")

    def statement(self, request: HttpRequest, flow: Flow) -> Statement:
        """The library believes the signature, the times and for whom it is; the rest is ours."""
        posted = flows.kept(request).get("SAMLResponse", "")
        found = self._side().response(posted, number=_number_of(flow))
        if found.issuer != self.entity:
            raise refused("issuer")
        if not once("assertion", f"{self.entity}\0{found.number}", REMEMBERED_S):
            raise refused("replayed")
        said = found.attributes
        attribute = str(self.settings.get("subject_attribute") or "").lower()
        return Statement(
            issuer=self.issuer,
            subject=subject_of(_first(said, (attribute,)) if attribute else found.name),
            email=text_of(_first(said, _EMAIL)),
            name=text_of(_first(said, _NAME), 150),
            groups=groups_of(said.get(str(self.settings.get("groups_attribute") or "").lower())),
            sid=text_of(found.session, 255),
            hint=json.dumps({"name": found.whole_name, "session": found.session or ""}),
        )

    # --- signing out ----------------------------------------------------------------------------
    def goodbye(self, hint: str) -> Onward | None:
        known = json.loads(hint) if hint else {}
        if not known.get("name"):
            return None
        return self._side().farewell(
            entity=self.entity, name=known["name"], session=known["session"]
        )

    def ended(self, request: HttpRequest) -> Ended:
        """A signed request of the provider, once; or its answer to ours, which ends nothing: the
        session here was over before we asked."""
        said = request.POST if request.method == "POST" else request.GET
        if "SAMLResponse" in said:
            return Ended(answer=Onward(reverse("accounts:sign-in")))
        sent = self._message(request)
        asked = self._side().asked_to_end(entity=self.entity, sent=sent)
        if not once("logout", f"{self.entity}\0{asked.number}", REMEMBERED_S * 2):
            raise refused("replayed")
        # By an attribute the provider does not name people here: their session alone tells.
        subject = "" if self.settings.get("subject_attribute") else asked.name
        sid = asked.sessions[0] if len(asked.sessions) == 1 else ""
        if not subject and not sid:
            raise refused("whose session")
        return Ended(sid=sid[:255], subject=subject, answer=asked.answer)

    def _message(self, request: HttpRequest) -> "Message":
        from apps.signon.kinds.saml_sp import Message  # noqa: PLC0415 - heavy: pysaml2

        is_posted = request.method == "POST"
        said = request.POST if is_posted else request.GET
        message = said.get("SAMLRequest", "")
        if not message or len(message) > flows.MOST_POSTED:
            raise refused("SAMLRequest")
        return Message(
            message=message,
            is_posted=is_posted,
            relay=said.get("RelayState"),
            algorithm=None if is_posted else said.get("SigAlg", ""),
            signature=None if is_posted else said.get("Signature", ""),
        )

    # --- for its administrator ------------------------------------------------------------------
    def described(self) -> str:
        return self._side(needs_metadata=False).described()

    def copied(self) -> list[tuple[Any, str]]:
        return [
            (_("Our metadata, and our entity ID"), self.provider.address("metadata")),
            (_("Assertion consumer service (POST)"), self.provider.address("callback")),
            (_("Single logout service (redirect, POST)"), self.provider.address("ended")),
        ]

    def trials(self) -> Iterable[Trial]:
        return [
            (_("The program xmlsec1 is there"), _xmlsec),
            (_("Its metadata can be read"), self._try_metadata),
            (_("It has a key, and takes requests"), self._try_request),
        ]

    def _try_metadata(self) -> str:
        shared.forget(f"sign-on:saml:{self.settings.get('metadata_url')}")
        return self.entity

    def _try_request(self) -> str:
        if "X509Certificate" not in self._metadata():
            raise wrong_answer("no certificate")
        flow = Flow(state="test", nonce="test", verifier="")
        keyed = self.provider.secrets or self.made_secrets()
        kind = type(self)(type(self.provider)(self.provider.slug, self.settings, keyed))
        return kind.away(flow).partition("?")[0]


# --- small things ---------------------------------------------------------------------------------
def _number_of(flow: Flow) -> str:
    """The number of our request; an XML name begins with a letter."""
    return f"fn-{flow.nonce}"


def _xmlsec() -> str:
    found = shutil.which("xmlsec1")
    if found is None:
        raise wrong_answer("xmlsec1 is not installed")
    return found


def _entity(metadata: str) -> str:
    """The one provider that a description is of."""
    try:
        root = etree.fromstring(metadata.encode(), _SAFE)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise wrong_answer("metadata") from error
    if root.tag != "{urn:oasis:names:tc:SAML:2.0:metadata}EntityDescriptor":
        raise wrong_answer("metadata of one provider")
    return str(root.get("entityID") or "")


def _first(said: dict[str, Any], names: Iterable[str]) -> object:
    for name in names:
        value = said.get(name)
        if value:
            return value[0] if isinstance(value, list) else value
    return None


def _key_pair() -> dict[str, str]:
    """A key of this provider alone, and its certificate, which nobody but the provider looks at."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Footnote")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    pem = serialization.Encoding.PEM
    return {
        "key": key.private_bytes(pem, form, plain).decode(),
        "certificate": certificate.public_bytes(pem).decode(),
    }
