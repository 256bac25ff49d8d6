"""Signed tokens of OpenID Connect: whose key, which algorithm, what they must say."""

import hashlib
import time
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from apps.signon import shared
from apps.signon.asking import fetched, refused, wrong_answer

# Signatures of a key pair only: "none" and those of a shared secret are no proof of the issuer.
ALGORITHMS = (
    "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519 Ed448".split()  # noqa: SIM905 - read as a list
)
LEEWAY_S = 60
KEPT_S = 3600
# A key that is not known makes us look again, but nobody can make us look often.
LOOK_AGAIN_S = 30
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
OLDEST_LOGOUT_S = 600


class Keys:
    """The public keys of one issuer, kept for an hour."""

    def __init__(self, jwks_uri: str) -> None:
        self._uri = jwks_uri
        self._slot = f"sign-on:keys:{jwks_uri}"

    def all(self) -> KeySet:
        kept = shared.found(self._slot)
        return _imported(kept) if kept is not None else self.fetched()

    def fetched(self) -> KeySet:
        """Asked for anew."""
        found = fetched(self._uri)
        keys = _imported(found)
        shared.keep(self._slot, found, KEPT_S)
        return keys

    def claims(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """(header, claims) of a token that one of these keys signed. An unknown key makes them be
        asked for once more. Raises AppError SIGN_ON_REFUSED."""
        try:
            return _verified(token, self.all())
        except InvalidKeyIdError as error:
            if not shared.is_first(f"{self._slot}:again", LOOK_AGAIN_S):
                raise refused("key") from error
        try:
            return _verified(token, self.fetched())
        except InvalidKeyIdError as error:
            raise refused("key") from error


def _imported(found: dict[str, Any]) -> KeySet:
    rows = found.get("keys")
    if not isinstance(rows, list):
        raise wrong_answer("keys")
    public = [
        {name: value for name, value in row.items() if name != "key_ops"}
        for row in rows
        if isinstance(row, dict) and row.get("kty") != "oct" and row.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set({"keys": public})
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise wrong_answer("keys") from error


def _verified(token: str, keys: KeySet) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        found = jwt.decode(token, keys, algorithms=ALGORITHMS)
    except InvalidKeyIdError:
        raise
    except (JoseError, ValueError, TypeError) as error:
        raise refused(f"token: {type(error).__name__}") from error
    return dict(found.header), dict(found.claims)


def id_claims(
    token: str, keys: Keys, *, issuer: str, client: str, nonce: str, access_token: str
) -> dict[str, Any]:
    """The claims of an ID token, after every check of OpenID Connect Core 3.1.3.7. Raises AppError
    SIGN_ON_REFUSED."""
    header, claims = keys.claims(token)
    said = CodeIDToken(
        claims,
        header,
        options={
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": client},
        },
        params={"nonce": nonce, "client_id": client, "access_token": access_token},
    )
    try:
        said.validate(leeway=LEEWAY_S)
    except (JoseError, ValueError, TypeError) as error:
        claim = getattr(error, "claim", "") or type(error).__name__
        raise refused(f"claim: {claim}") from error
    return claims


def logout_claims(token: str, keys: Keys, *, issuer: str, client: str) -> dict[str, Any]:
    """The claims of a logout token (OpenID Connect Back-Channel Logout 2.6), once: the same token
    is not taken again. Raises AppError SIGN_ON_REFUSED."""
    header, claims = keys.claims(token)
    if str(header.get("typ", "JWT")).lower().removeprefix("application/") not in {
        "jwt",
        "logout+jwt",
    }:
        raise refused("typ")
    audience = claims.get("aud")
    if claims.get("iss") != issuer or client not in (
        audience if isinstance(audience, list) else [audience]
    ):
        raise refused("issuer or audience")
    _check_times(claims)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise refused("events")
    if "nonce" in claims or not (claims.get("sub") or claims.get("sid")):
        raise refused("not a logout token")
    number = claims.get("jti")
    if not isinstance(number, str) or not number:
        raise refused("jti")
    if not once("logout", f"{issuer}\0{number}", OLDEST_LOGOUT_S * 2 + LEEWAY_S):
        raise refused("replayed")
    return claims


def _check_times(claims: dict[str, Any]) -> None:
    now, issued, until = time.time(), claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or abs(now - issued) > OLDEST_LOGOUT_S:
        raise refused("iat")
    if until is not None and (not isinstance(until, int | float) or until + LEEWAY_S < now):
        raise refused("exp")


def once(kind: str, number: str, seconds: int) -> bool:
    """Whether this is seen for the first time within so many seconds."""
    digest = hashlib.sha256(number.encode()).hexdigest()
    return shared.is_first(f"sign-on:once:{kind}:{digest}", seconds)
