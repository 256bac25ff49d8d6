"""Our side of SAML 2.0 by pysaml2, which takes seconds to load: imported where it is used only."""

import base64
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.mdstore import all_locations, locations
from saml2.metadata import entity_descriptor
from saml2.request import LogoutRequest
from saml2.response import AuthnResponse
from saml2.s_utils import UnsupportedBinding
from saml2.saml import NAMEID_FORMAT_TRANSIENT, name_id_from_string
from saml2.validate import validate_on_or_after
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

from apps.core.errors import AppError
from apps.signon.asking import refused
from apps.signon.kinds.base import Onward
from apps.signon.kinds.saml_algorithms import SIGNATURES, require_strong

SKEW_S = 60


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a browser brought it; what is not there is None."""

    message: str
    is_posted: bool
    relay: str | None = None
    algorithm: str | None = None
    signature: str | None = None


class Side:
    """One provider and us. ``secrets`` are our key and its certificate."""

    def __init__(
        self,
        *,
        ours: str,
        callback: str,
        leaving: str,
        metadata: str,
        secrets: dict[str, str],
        xmlsec: str,
    ) -> None:
        self._ours, self._callback, self._metadata = ours, callback, metadata
        self._leaving = leaving
        self._secrets, self._xmlsec = secrets, xmlsec

    @contextmanager
    def _config(self, *, signs: bool = False) -> Iterator[SPConfig]:
        """The library's own settings. It reads keys from files: they are there for as long."""
        with tempfile.TemporaryDirectory(prefix="sign-on-") as folder:
            key, certificate = Path(folder) / "key.pem", Path(folder) / "certificate.pem"
            key.write_text(self._secrets["key"])
            certificate.write_text(self._secrets["certificate"])
            pair = {"key_file": str(key), "cert_file": str(certificate)}
            yield SPConfig().load(
                {
                    "entityid": self._ours,
                    "xmlsec_binary": self._xmlsec,
                    "service": {"sp": self._service(signs=signs)},
                    "metadata": {"inline": [self._metadata]} if self._metadata else {},
                    **pair,
                    "encryption_keypairs": [pair],
                    "accepted_time_diff": SKEW_S,
                    "allow_unknown_attributes": True,
                    "delete_tmpfiles": True,
                }
            )

    def _service(self, *, signs: bool) -> dict[str, Any]:
        return {
            "name": "Footnote",
            "endpoints": {
                "assertion_consumer_service": [(self._callback, BINDING_HTTP_POST)],
                "single_logout_service": [
                    (self._leaving, BINDING_HTTP_REDIRECT),
                    (self._leaving, BINDING_HTTP_POST),
                ],
            },
            "allow_unsolicited": False,
            "authn_requests_signed": signs,
            "want_assertions_signed": True,
            "want_response_signed": False,
            "signing_algorithm": SIG_RSA_SHA256,
            "digest_algorithm": DIGEST_SHA256,
        }

    def request(self, *, entity: str, number: str, relay: str, signs: bool) -> str:
        """The address with our request in it."""
        with self._config(signs=signs) as config, _judged():
            _number, sent = Saml2Client(config=config).prepare_for_authenticate(
                entityid=entity,
                relay_state=relay,
                binding=BINDING_HTTP_REDIRECT,
                message_id=number,
                sign=signs,
                sigalg=SIG_RSA_SHA256,
            )
            return str(dict(sent["headers"])["Location"])

    def response(self, posted: str, *, number: str) -> "Believed":
        """What was signed, for us, in answer to our request. Raises AppError SIGN_ON_REFUSED."""
        try:
            require_strong(base64.b64decode(posted))
        except ValueError as error:
            raise refused("base64") from error
        with self._config() as config, _judged():
            found = Saml2Client(config=config).parse_authn_request_response(
                posted, BINDING_HTTP_POST, outstanding={number: "/"}
            )
            if not isinstance(found, AuthnResponse) or found.assertion is None:
                raise refused("no assertion")
            if found.in_response_to != number:
                raise refused("request")
            # Once more: what was encrypted could not be looked at before.
            require_strong(str(found.assertion))
            return Believed(found)

    # --- signing out ----------------------------------------------------------------------------
    def farewell(self, *, entity: str, name: str, session: str) -> Onward | None:
        """Our signed request to end a session there; None where the provider takes none."""
        with self._config() as config, _judged():
            client = Saml2Client(config=config)
            way = _way_to(client, entity, is_answer=False)
            if way is None:
                return None
            _number, request = client.create_logout_request(
                way.place,
                entity,
                name_id=name_id_from_string(name),
                session_indexes=[session] if session else None,
                **way.signature,
            )
            return way.sent(client, str(request), relay="")

    def asked_to_end(self, *, entity: str, sent: Message) -> "Asked":
        """What the provider asks to be ended, signed by its key and meant for us. Raises AppError
        SIGN_ON_REFUSED."""
        binding = BINDING_HTTP_POST if sent.is_posted else BINDING_HTTP_REDIRECT
        with self._config() as config, _judged():
            client = Saml2Client(config=config)
            xml = client.unravel(sent.message, binding, LogoutRequest.msgtype)
            require_strong(xml)
            if not sent.is_posted and sent.algorithm not in SIGNATURES:
                raise refused("weak signature")
            converters = client.config.attribute_converters
            request = LogoutRequest(client.sec, [self._leaving], converters, timeslack=SKEW_S)
            request.loads(
                xml,
                binding,
                origdoc=sent.message,
                must=True,
                relay_state=sent.relay,
                sigalg=sent.algorithm,
                signature=sent.signature,
            )
            if not request.verify() or request.sender() != entity:
                raise refused("logout request")
            validate_on_or_after(request.message.not_on_or_after, SKEW_S)
            return Asked(request.message, self._answer(client, request.message, sent.relay or ""))

    def _answer(self, client: Saml2Client, request: Any, relay: str) -> Onward | None:
        """Our answer; None where the provider takes none."""
        way = _way_to(client, request.issuer.text.strip(), is_answer=True)
        if way is None:
            return None
        made = client.create_logout_response(request, bindings=[way.binding], **way.signature)
        return way.sent(client, str(made), relay=relay)

    def described(self) -> str:
        """Our own metadata."""
        with self._config() as config:
            return str(entity_descriptor(config))


@dataclass(frozen=True, slots=True)
class _Way:
    """How a logout message of ours goes to a provider."""

    binding: str
    place: str
    is_answer: bool

    @property
    def signature(self) -> dict[str, Any]:
        """A form holds a message that is signed itself; a redirect is signed as a whole."""
        if self.binding == BINDING_HTTP_REDIRECT:
            return {"sign": False}
        return {"sign": True, "sign_alg": SIG_RSA_SHA256, "digest_alg": DIGEST_SHA256}

    def sent(self, client: Saml2Client, message: str, *, relay: str) -> Onward:
        if self.binding == BINDING_HTTP_POST:
            name = "SAMLResponse" if self.is_answer else "SAMLRequest"
            coded = base64.b64encode(message.encode()).decode()
            return Onward(self.place, {name: coded, **({"RelayState": relay} if relay else {})})
        made = client.apply_binding(
            BINDING_HTTP_REDIRECT,
            message,
            self.place,
            relay,
            response=self.is_answer,
            sign=True,
            sigalg=SIG_RSA_SHA256,
        )
        return Onward(str(dict(made["headers"])["Location"]))


def _way_to(client: Saml2Client, entity: str, *, is_answer: bool) -> _Way | None:
    """By redirect where the provider takes one, else by a form; None where it takes neither."""
    try:
        takes = client.metadata.single_logout_service(entity, None, "idpsso")
    except UnsupportedBinding:  # no address for logout at all
        return None
    for binding in (BINDING_HTTP_REDIRECT, BINDING_HTTP_POST):
        services = takes.get(binding, [])
        places = all_locations(services) if is_answer else locations(services)
        if (place := next(places, "")).startswith(("https://", "http://")):
            return _Way(binding, place, is_answer)
    return None


class Asked:
    """A wish to end sessions that the library believes."""

    def __init__(self, request: Any, answer: Onward | None) -> None:
        self.number, self.answer = str(request.id), answer
        self.name = str(request.name_id.text or "") if request.name_id is not None else ""
        self.sessions = [str(each.text) for each in request.session_index or [] if each.text]


class Believed:
    """An assertion that the library believes."""

    def __init__(self, found: Any) -> None:
        self.issuer = str(found.issuer())
        self.number = str(found.assertion.id)
        self.session = found.session_info().get("session_index")
        self.attributes = {str(name).lower(): value for name, value in (found.ava or {}).items()}
        lasts = found.name_id is not None and found.name_id.format != NAMEID_FORMAT_TRANSIENT
        self.name = found.name_id.text if lasts else ""
        # As the provider wants it back when the session ends.
        self.whole_name = "" if found.name_id is None else str(found.name_id)


@contextmanager
def _judged() -> Iterator[None]:
    """The library raises what it likes: whatever it is, nothing is believed."""
    try:
        yield
    except AppError:
        raise
    except Exception as error:
        raise refused(f"saml: {type(error).__name__}") from error
