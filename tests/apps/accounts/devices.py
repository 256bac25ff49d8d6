"""Devices that people hold: an authenticator app, and one that makes passkeys, in software."""

import base64
import hashlib
import json
import re
import secrets
import time
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django_otp.oath import TOTP

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def code_of(secret: str, *, steps: int = 0) -> str:
    """What an authenticator app with this secret shows, ``steps`` times thirty seconds from now."""
    totp = TOTP(base64.b32decode(secret))
    totp.time = time.time() + 30 * steps
    return f"{totp.token():06}"


def set_up_app(browser: Client) -> tuple[str, list[str]]:
    """Go through the page: (secret, recovery codes)."""
    page = browser.get("/me/security/app").content.decode()
    found = re.search(r'id="app-secret">([A-Z2-7]+)<', page)
    assert found, page
    # The code of a step ago, so that the one of now can still be used.
    done = browser.post("/me/security/app", {"code": code_of(found[1], steps=-1)})
    assert done.status_code == 201, done.content.decode()
    return found[1], codes_on(done.content.decode())


def codes_on(page: str) -> list[str]:
    return re.findall(
        r"^([a-z2-7]{6}-[a-z2-7]{6})$", page.replace('id="recovery-codes">', "\n"), re.MULTILINE
    )


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SoftKey:
    """An authenticator with one credential of the curve P-256."""

    def __init__(self, origin: str = "https://kb.example.com", rp_id: str = "") -> None:
        self.origin = origin
        self.rp_id = rp_id or origin.split("//")[1].split(":", maxsplit=1)[0]
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(32)
        self.count = 0
        self.user_handle = ""
        self.flags = PRESENT | VERIFIED

    def _authenticator_data(self, *, attested: bytes = b"") -> bytes:
        self.count += 1
        flags = self.flags | (ATTESTED if attested else 0)
        rp_hash = hashlib.sha256(self.rp_id.encode()).digest()
        return rp_hash + bytes([flags]) + self.count.to_bytes(4, "big") + attested

    def _client_data(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def create(self, options: dict[str, Any], name: str = "telephone") -> dict[str, Any]:
        """What a browser makes of ``navigator.credentials.create``."""
        self.user_handle = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big")}
        public[-3] = numbers.y.to_bytes(32, "big")
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(public)
        data = self._authenticator_data(attested=attested)
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client_data("webauthn.create", options["challenge"])
        response = {"clientDataJSON": _b64(client), "attestationObject": _b64(statement)}
        return {**self._named(), "response": {**response, "transports": ["usb"]}, "name": name}

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """What a browser makes of ``navigator.credentials.get``."""
        data = self._authenticator_data()
        client = self._client_data("webauthn.get", options["challenge"])
        signed = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return {
            **self._named(),
            "response": {
                "clientDataJSON": _b64(client),
                "authenticatorData": _b64(data),
                "signature": _b64(signed),
                "userHandle": self.user_handle,
            },
        }

    def _named(self) -> dict[str, Any]:
        return {"id": _b64(self.id), "rawId": _b64(self.id), "type": "public-key"}
