"""Public keys as people paste them: PEM, one JWK, or a JWKS."""

import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, OctKey, import_key, thumbprint

from apps.core.errors import AppError, ErrorCode

LONGEST = 64 * 1024
MOST = 10
RSA_LEAST_BITS = 2048
_KINDS = ("RSA", "EC", "OKP")


@dataclass(frozen=True, slots=True)
class Public:
    """One public key, ready to be stored."""

    kid: str
    algorithm: str
    jwk: dict[str, Any]


def public_keys_of(text: str, *, kid: str = "") -> list[Public]:
    """The keys in ``text``. ``kid`` names a single one; else its own, else its thumbprint
    (RFC 7638). Raises AppError BAD_REQUEST with a ``reason``."""
    text = text.strip()
    if len(text) > LONGEST:
        raise _refused("too_long")
    if "PRIVATE KEY" in text:
        raise _refused("private")
    if text.startswith("-----BEGIN"):
        return [_of_pem(text, kid)]
    keys = _jwks(text)
    if not 1 <= len(keys) <= MOST:
        raise _refused("too_many_keys" if keys else "not_a_key")
    return [_of_jwk(key, kid if len(keys) == 1 else "") for key in keys]


def _refused(reason: str) -> AppError:
    return AppError(ErrorCode.BAD_REQUEST, field="text", reason=reason)


def _of_pem(text: str, kid: str) -> Public:
    try:
        data = text.encode("ascii")
        is_certificate = "BEGIN CERTIFICATE" in text
        key = (
            load_pem_x509_certificate(data).public_key()
            if is_certificate
            else load_pem_public_key(data)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _refused("not_a_key") from error
    for of, kind in (
        (RSAPublicKey, "RSA"),
        (EllipticCurvePublicKey, "EC"),
        (Ed25519PublicKey, "OKP"),
    ):
        if isinstance(key, of):
            pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            return _of_jwk(_as_jwk(pem, kind), kid)
    raise _refused("kind")


def _as_jwk(pem: bytes, kind: str) -> dict[str, Any]:
    return dict(import_key(pem, kind).as_dict(private=False))  # type: ignore[call-overload]


def _jwks(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refused("not_a_key") from error
    keys = found.get("keys", [found]) if isinstance(found, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise _refused("not_a_key")
    return keys


def _of_jwk(jwk: dict[str, Any], kid: str) -> Public:
    if jwk.keys() & {"d", "p", "q", "dp", "dq", "qi", "oth"}:
        raise _refused("private")
    if jwk.get("kty") not in _KINDS:  # a shared secret ("oct") is none that only they could know
        raise _refused("kind")
    try:
        key = JWKRegistry.import_key(jwk)
        plain = dict(key.as_dict(private=False))
        name = kid.strip() or str(jwk.get("kid") or "") or thumbprint(plain)
    except (JoseError, ValueError, TypeError) as error:
        raise _refused("not_a_key") from error
    if isinstance(key, OctKey) or len(name) > 200:
        raise _refused("kind")
    return Public(name, _algorithm(key.raw_value), {**plain, "kid": name})


def _algorithm(key: object) -> str:
    """The one algorithm that a key is for."""
    match key:
        case RSAPublicKey() if key.key_size >= RSA_LEAST_BITS:
            return "RS256"
        case RSAPublicKey():
            raise _refused("too_short")
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return "ES256"
        case Ed25519PublicKey():
            return "EdDSA"
        case _:
            raise _refused("kind")
