"""A SAML provider: the provider's side of pysaml2, which no line of ours has a part in."""

import base64
import tempfile
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client
from lxml import etree
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

from apps.signon.kinds.saml import _key_pair, _xmlsec

ENTITY = "https://idp.example/metadata"
_METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
NS = {
    "a": "urn:oasis:names:tc:SAML:2.0:assertion",
    "p": "urn:oasis:names:tc:SAML:2.0:protocol",
    "d": "http://www.w3.org/2000/09/xmldsig#",
}


class Idp:
    """``leaves_by``: how it takes logout messages."""

    def __init__(self, leaves_by: str = BINDING_HTTP_REDIRECT) -> None:
        self._leaves_by = leaves_by
        self._folder = tempfile.TemporaryDirectory(prefix="idp-")
        pair = _key_pair()
        self._files = {}
        for name, text in pair.items():
            path = Path(self._folder.name) / name
            path.write_text(text)
            self._files[name] = str(path)

    def _config(self, sp: str = "") -> IdPConfig:
        sso = [("https://idp.example/sso", BINDING_HTTP_REDIRECT)]
        return IdPConfig().load(
            {
                "entityid": ENTITY,
                "xmlsec_binary": _xmlsec(),
                "service": {
                    "idp": {
                        "endpoints": {
                            "single_sign_on_service": sso,
                            "single_logout_service": [("https://idp.example/slo", self._leaves_by)],
                        },
                        # Its own defaults are SHA-1.
                        "signing_algorithm": SIG_RSA_SHA256,
                        "digest_algorithm": DIGEST_SHA256,
                    }
                },
                "key_file": self._files["key"],
                "cert_file": self._files["certificate"],
                "metadata": {"inline": [sp]} if sp else {},
            }
        )

    @property
    def metadata(self) -> str:
        return str(entity_descriptor(self._config()))

    def response(self, sp: str, sent: dict[str, str], **changes: Any) -> str:
        """The answer to the request with which the browser came, as XML."""
        server = Server(config=self._config(sp))
        request = etree.fromstring(zlib.decompress(base64.b64decode(sent["SAMLRequest"]), -15))
        values = {
            "identity": {
                "mail": ["erika@example.com"],
                "displayName": ["Erika Muster"],
                "memberOf": ["buyers"],
            },
            "in_response_to": request.get("ID"),
            "destination": request.get("AssertionConsumerServiceURL"),
            "sp_entity_id": request.findtext("a:Issuer", namespaces=NS),
            "name_id": NameID(format=NAMEID_FORMAT_PERSISTENT, text="erika-1"),
            "authn": {"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"},
            "sign_assertion": True,
            "sign_response": False,
            **changes,
        }
        return str(server.create_authn_response(**values))

    def logout(
        self, sp: str, *, posted: bool = False, sign: bool = True, **changes: Any
    ) -> dict[str, str]:
        """What the browser brings when the provider ends a session: fields of query or form."""
        server = Server(config=self._config(sp))
        place = "http://testserver/sign-on/adfs/ended"
        values = {
            "name_id": NameID(format=NAMEID_FORMAT_PERSISTENT, text="erika-1"),
            "sign": posted and sign,
            "sign_alg": SIG_RSA_SHA256,
            "digest_alg": DIGEST_SHA256,
            **changes,
        }
        destination = values.pop("destination", leaving_in(sp) or place)
        _number, request = server.create_logout_request(destination, ENTITY, **values)
        if posted:
            return {"SAMLRequest": base64.b64encode(str(request).encode()).decode()}
        sent = server.apply_binding(
            BINDING_HTTP_REDIRECT, str(request), destination, "r1", sign=sign, sigalg=SIG_RSA_SHA256
        )
        query = urlsplit(dict(sent["headers"])["Location"]).query
        return {name: each[0] for name, each in parse_qs(query).items()}

    def understood(self, sp: str, query: dict[str, str]) -> Any:
        """A request of ours to end a session, after the provider's own checks."""
        server = Server(config=self._config(sp))
        return server.parse_logout_request(
            query["SAMLRequest"],
            BINDING_HTTP_REDIRECT,
            relay_state=query.get("RelayState"),
            sigalg=query["SigAlg"],
            signature=query["Signature"],
        )

    def understood_form(self, sp: str, fields: dict[str, str]) -> Any:
        """The same of a form; a request that is not signed is refused."""
        server = Server(config=self._config(sp))
        return server.parse_logout_request(fields["SAMLRequest"], BINDING_HTTP_POST)

    def accepted(self, sp: str, fields: dict[str, str], number: str) -> Any:
        """An answer of ours by a form to a request of this number, after the provider's checks."""
        server = Server(config=self._config(sp))
        found = server.parse_logout_request_response(fields["SAMLResponse"], BINDING_HTTP_POST)
        assert found.in_response_to == number
        return found

    @staticmethod
    def number_of(coded: str) -> str:
        """The number of a request, by whichever binding it went."""
        raw = base64.b64decode(coded)
        xml = raw if raw.lstrip().startswith(b"<") else zlib.decompress(raw, -15)
        return str(etree.fromstring(xml).get("ID"))

    def close(self) -> None:
        self._folder.cleanup()


def leaving_in(sp: str) -> str:
    """Our address for logout messages, as our metadata has it."""
    found = etree.fromstring(sp.encode()).iter(f"{{{_METADATA}}}SingleLogoutService")
    return next((str(each.get("Location")) for each in found), "")


def sent_with(browser: Client, slug: str = "adfs") -> dict[str, str]:
    response = browser.get(f"/sign-on/{slug}")
    assert response.status_code == 302, response.content
    return {name: each[0] for name, each in parse_qs(urlsplit(response["Location"]).query).items()}


def posted(browser: Client, xml: str, relay: str, slug: str = "adfs") -> Any:
    """As a browser does it: the provider's page posts without our cookies, then comes back."""
    coded = base64.b64encode(xml.encode()).decode()
    address = f"/sign-on/{slug}/callback"
    first = Client().post(address, {"SAMLResponse": coded, "RelayState": relay})
    assert first.status_code == 303
    return browser.get(first["Location"])
