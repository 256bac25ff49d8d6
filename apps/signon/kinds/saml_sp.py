"""Our side of SAML 2.0 by pysaml2, which takes seconds to load: imported where it is used only."""

import base64
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import entity_descriptor
from saml2.response import AuthnResponse
from saml2.saml import NAMEID_FORMAT_TRANSIENT
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

from apps.core.errors import AppError
from apps.signon.asking import refused
from apps.signon.kinds.saml_algorithms import require_strong

SKEW_S = 60


class Side:
    """One provider and us. ``secrets`` are our key and its certificate."""

    def __init__(
        self, *, ours: str, callback: str, metadata: str, secrets: dict[str, str], xmlsec: str
    ) -> None:
        self._ours, self._callback, self._metadata = ours, callback, metadata
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
            "endpoints": {"assertion_consumer_service": [(self._callback, BINDING_HTTP_POST)]},
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

    def described(self) -> str:
        """Our own metadata."""
        with self._config() as config:
            return str(entity_descriptor(config))


class Believed:
    """An assertion that the library believes."""

    def __init__(self, found: Any) -> None:
        self.issuer = str(found.issuer())
        self.number = str(found.assertion.id)
        self.session = found.session_info().get("session_index")
        self.attributes = {str(name).lower(): value for name, value in (found.ava or {}).items()}
        lasts = found.name_id is not None and found.name_id.format != NAMEID_FORMAT_TRANSIENT
        self.name = found.name_id.text if lasts else ""


@contextmanager
def _judged() -> Iterator[None]:
    """The library raises what it likes: whatever it is, nothing is believed."""
    try:
        yield
    except AppError:
        raise
    except Exception as error:
        raise refused(f"saml: {type(error).__name__}") from error
