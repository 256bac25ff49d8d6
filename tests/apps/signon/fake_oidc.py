"""An OpenID provider that can be told to lie: for attacks that an honest one cannot make."""

import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.jwk import RSAKey


def _coded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


class FakeProvider:
    """What it answers can be changed by each test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.published = [self.key]
        self.said: dict[str, Any] = {}  # claims of the next ID token
        self.userinfo: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.access = "an-access-token"
        self.token: str | None = None  # instead of one that is made
        self.asked: list[tuple[str, dict[str, list[str]], dict[str, str]]] = []

    # --- tokens ---------------------------------------------------------------------------------
    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        half = create_half_hash(self.access, "RS256")
        return {
            "iss": self.url,
            "aud": "footnote",
            "sub": "248289761001",
            "iat": now,
            "exp": now + 300,
            "at_hash": half.decode(),
            "email": "erika@example.com",
            "email_verified": True,
            "name": "Erika Muster",
            **self.said,
            **more,
        }

    def signed(self, claims: dict[str, Any], *, key: Any = None, **header: Any) -> str:
        key = key or self.key
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": key.kid, **header}, kept, key)

    def unsigned(self, claims: dict[str, Any]) -> str:
        parts = [{"alg": "none"}, claims]
        return ".".join([*(_coded(json.dumps(each).encode()) for each in parts), ""])

    def signed_by_public_key(self, claims: dict[str, Any]) -> str:
        """HS256, with the published key as the secret."""
        parts = [{"alg": "HS256", "kid": "one", "typ": "JWT"}, claims]
        text = ".".join(_coded(json.dumps(each).encode()) for each in parts)
        secret = self.key.as_pem(private=False)
        return f"{text}.{_coded(hmac.digest(secret, text.encode(), 'sha256'))}"

    def logout_token(self, **more: Any) -> str:
        now = int(time.time())
        event = {"http://schemas.openid.net/event/backchannel-logout": {}}
        claims = {"iss": self.url, "aud": "footnote", "iat": now, "exp": now + 120, "jti": "j1"}
        return self.signed({**claims, "events": event, **more}, typ="logout+jwt")

    # --- answers --------------------------------------------------------------------------------
    def answer(self, path: str, form: dict[str, list[str]], headers: dict[str, str]) -> Any:
        self.asked.append((path, form, headers))
        if path.endswith("/.well-known/openid-configuration"):
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "end_session_endpoint": f"{self.url}/logout",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                **self.metadata,
            }
        if path.endswith("/keys"):
            return {"keys": [key.as_dict(private=False) for key in self.published]}
        if path.endswith("/token"):
            token = self.token if self.token is not None else self.signed(self.claims())
            return {"access_token": self.access, "token_type": "Bearer", "id_token": token}
        said = {"sub": self.said.get("sub", "248289761001"), **self.userinfo}
        return said if path.endswith("/userinfo") else None

    def times_asked(self, end: str) -> int:
        return sum(path.endswith(end) for path, _form, _headers in self.asked)


@contextmanager
def running() -> Iterator[FakeProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self._answer(parse_qs(self.rfile.read(length).decode()))

        def _answer(self, form: dict[str, list[str]]) -> None:
            found = provider.answer(urlsplit(self.path).path, form, dict(self.headers))
            body = json.dumps(found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = FakeProvider(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
