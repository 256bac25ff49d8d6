"""The signed statement of an application for whom it asks: a JWT in ``X-On-Behalf-Of``.

The claims are those of RFC 7523, section 3. Only asymmetric signatures count, each key for its own
algorithm, so neither "none" nor a public key used as a shared secret gets through.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry
from redis.exceptions import RedisError

from apps.accounts.models import User
from apps.applications.models import Application, PublicKey
from apps.core.errors import AppError, ErrorCode

LONGEST = 8 * 1024
LIFE_S = 5 * 60
# Clocks of two machines are never quite the same.
LEEWAY_S = 30
JTI_LEAST, JTI_MOST = 8, 200
ALGORITHMS = {
    "ES256": ["ES256"],
    "RS256": ["RS256"],
    "EdDSA": ["EdDSA", "Ed25519"],
}

Finder = Callable[[str], User | None]
_finders: list[Finder] = []


def register_finder(finder: Finder) -> None:
    """Add a way to find a person by an id from outside (a directory's), once. Asked in order, after
    e-mail address and id."""
    if finder not in _finders:
        _finders.append(finder)


def audience() -> str:
    """What ``aud`` has to be: the address of this installation."""
    return str(settings.PUBLIC_URL)


def person_of(token: str, application: Application, *, body: Callable[[], bytes]) -> User:
    """The active person that the application asks for. Raises AppError ASSERTION_REFUSED with a
    ``reason``. A statement that was accepted once is refused from then on."""
    claims = _signed_claims(token, application)
    _check_parties(claims, application)
    life_s = _check_times(claims)
    _check_body(claims, body)
    person = _person(claims.get("sub"))
    _use_up(claims.get("jti"), application, life_s)
    return person


def _refused(reason: str, *, status: int = 401) -> AppError:
    return AppError(ErrorCode.ASSERTION_REFUSED, status=status, reason=reason)


def _signed_claims(token: str, application: Application) -> dict[str, Any]:
    if len(token) > LONGEST:
        raise _refused("too_long")
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError) as error:
        raise _refused("not_a_jwt") from error
    for key in _candidates(application, header):
        try:
            algorithms = ALGORITHMS[key.algorithm]
            public = JWKRegistry.import_key(key.jwk)
            registry = jws.JWSRegistry(algorithms=algorithms, strict_check_header=False)
            found = jwt.decode(token, public, algorithms=algorithms, registry=registry)
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
        PublicKey.objects.filter(pk=key.pk, last_used_at=None).update(last_used_at=timezone.now())
        return found.claims
    raise _refused("signature")


def _candidates(application: Application, header: dict[str, Any]) -> Sequence[PublicKey]:
    """Keys that the header can mean: of its algorithm, and of its ``kid`` where it has one."""
    keys = [
        key
        for key in application.public_keys.all()
        if header.get("alg") in ALGORITHMS.get(key.algorithm, ())
    ]
    kid = header.get("kid")
    return keys if kid is None else [key for key in keys if key.kid == kid]


def _check_parties(claims: dict[str, Any], application: Application) -> None:
    if claims.get("iss") != str(application.pk):
        raise _refused("issuer")
    meant = claims.get("aud")
    if audience() not in (meant if isinstance(meant, list) else [meant]):
        raise _refused("audience")


def _check_times(claims: dict[str, Any]) -> int:
    """For how many seconds the statement could be sent again."""
    now, ends = time.time(), _moment(claims, "exp")
    # Written so that what is no number at all fails each comparison.
    if ends is None or not ends > now - LEEWAY_S:
        raise _refused("expired")
    if not ends <= now + LIFE_S + LEEWAY_S:
        raise _refused("lives_too_long")
    for name in ("nbf", "iat"):
        begins = _moment(claims, name)
        if name in claims and (begins is None or not begins <= now + LEEWAY_S):
            raise _refused("not_yet_valid")
    return int(ends - now) + 2 * LEEWAY_S


def _moment(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    return value if type(value) in {int, float} else None


def _check_body(claims: dict[str, Any], body: Callable[[], bytes]) -> None:
    """Where the statement names the body that it is for, it is good for no other."""
    if "body_sha256" not in claims:
        return
    digest = hashlib.sha256(body()).hexdigest()
    if not hmac.compare_digest(digest.encode(), str(claims["body_sha256"]).lower().encode()):
        raise _refused("body")


def _person(subject: object) -> User:
    """By e-mail address, id, or what a directory calls them. Who is unknown and who may
    not sign in any more are answered alike."""
    is_text = isinstance(subject, str) and bool(subject.strip()) and subject.isprintable()
    person = _named(str(subject).strip()) if is_text else None
    if person is None or not person.is_active or person.is_application:
        raise _refused("subject")
    return person


def _named(subject: str) -> User | None:
    # Never by login name: people choose theirs, and would choose whom a program means.
    found = _by_id(subject) or User.objects.filter(email__iexact=subject).first()
    for finder in _finders:
        found = found or finder(subject)
    return found


def _by_id(subject: str) -> User | None:
    try:
        return User.objects.filter(pk=UUID(subject)).first()
    except ValueError:
        return None


def _use_up(jti: object, application: Application, life_s: int) -> None:
    """One answer decides, among all processes, who sent it first."""
    if not isinstance(jti, str) or not JTI_LEAST <= len(jti) <= JTI_MOST:
        raise _refused("jti")
    digest = hashlib.sha256(f"{application.pk}\0{jti}".encode()).hexdigest()
    try:
        is_first = cache.add(f"assertion:{digest}", 1, life_s)
    except (RedisError, OSError) as error:
        # Without the list of those that were used none can be accepted.
        raise _refused("try_again", status=503) from error
    if not is_first:
        raise _refused("replayed")
