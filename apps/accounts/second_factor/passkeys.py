"""Passkeys (WebAuthn): a key pair in a person's device, bound to the address of this installation.

A challenge is made for one purpose, kept in the session, good for five minutes and one answer.
"""

import time
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError, transaction
from django.utils import timezone
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from apps.accounts.models import Passkey, User
from apps.core.errors import AppError, ErrorCode
from apps.events import services as events
from apps.permissions.scope import Scope, entered, system_scope

_CHALLENGE = "passkey_challenge"
_GOOD_FOR_S = 300
_MOST = 20
_FAULTS = (WebAuthnException, KeyError, TypeError, ValueError)


class Purpose(StrEnum):
    """What a challenge was made for; an answer to one is none to another."""

    ADD = "add"
    SIGN_IN = "sign in"
    SECOND = "second factor"
    CONFIRM = "confirm"


def origin() -> str:
    """Where browsers show this installation: scheme, host and port of the public address."""
    parts = urlsplit(settings.PUBLIC_URL)
    return f"{parts.scheme}://{parts.netloc}"


def rp_id() -> str:
    """What passkeys are bound to: the host's name."""
    return urlsplit(settings.PUBLIC_URL).hostname or ""


def are_possible() -> bool:
    """Browsers want TLS and a name; ``localhost`` will do, an IP address will not."""
    is_safe = settings.PUBLIC_URL.startswith("https://") or rp_id() == "localhost"
    return is_safe and not rp_id().replace(".", "").isdecimal() and ":" not in rp_id()


# --- challenges -----------------------------------------------------------------------------------
def _keep(session: SessionBase, purpose: Purpose, challenge: bytes) -> None:
    session[_CHALLENGE] = [purpose.value, bytes_to_base64url(challenge), int(time.time())]


def _taken(session: SessionBase, purpose: Purpose) -> bytes:
    """The challenge that was made for this; it is used up, whatever comes of it."""
    kept_for, challenge, made_at = session.pop(_CHALLENGE, ("", "", 0))
    if kept_for != purpose or time.time() - made_at > _GOOD_FOR_S:
        raise refused("challenge")
    return base64url_to_bytes(challenge)


def refused(reason: str) -> AppError:
    """The one answer to a passkey that does not fit; ``reason`` says nothing of who has which."""
    return AppError(ErrorCode.PASSKEY_REFUSED, status=422, reason=reason)


def _described(keys: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    known = {each.value for each in AuthenticatorTransport}
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(key.credential_id),
            transports=[AuthenticatorTransport(each) for each in key.transports if each in known],
        )
        for key in keys
    ]


# --- adding ---------------------------------------------------------------------------------------
def options_to_add(*, user: User, session: SessionBase) -> str:
    """JSON for ``navigator.credentials.create``."""
    options = generate_registration_options(
        rp_id=rp_id(),
        rp_name="Footnote",
        user_id=user.pk.bytes,
        user_name=user.email,
        user_display_name=user.name or user.email,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_described(Passkey.objects.filter(owner=user)),
    )
    _keep(session, Purpose.ADD, options.challenge)
    return str(options_to_json(options))


@transaction.atomic
def add(*, user: User, session: SessionBase, answer: Mapping[str, Any], name: str) -> Passkey:
    """Keep a passkey that was just made. Raises AppError PASSKEY_REFUSED."""
    challenge = _taken(session, Purpose.ADD)
    if Passkey.objects.filter(owner=user).count() >= _MOST:
        raise refused("too_many")
    try:
        made = verify_registration_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=rp_id(),
            expected_origin=origin(),
        )
    except _FAULTS as error:
        raise refused("answer") from error
    try:
        with transaction.atomic():
            key = Passkey.objects.create(
                owner=user,
                name=name.strip()[:100],
                credential_id=bytes_to_base64url(made.credential_id),
                public_key=bytes_to_base64url(made.credential_public_key),
                sign_count=made.sign_count,
                transports=_transports(answer),
                is_backed_up=made.credential_backed_up,
            )
    except IntegrityError as error:
        raise refused("known") from error
    events.record("second_factor.added", user, by="passkey", name=key.name)
    return key


def _transports(answer: Mapping[str, Any]) -> list[str]:
    said = answer.get("response", {}).get("transports")
    known = {each.value for each in AuthenticatorTransport}
    return [each for each in said if each in known][:8] if isinstance(said, list) else []


@transaction.atomic
def rename(*, key: Passkey, name: str) -> None:
    key.name = name.strip()[:100]
    key.save(update_fields=["name"])


@transaction.atomic
def remove(*, key: Passkey) -> None:
    """The passkey stops working with the next sign-in."""
    events.record("second_factor.removed", key.owner, by="passkey", name=key.name)
    key.delete()


# --- proving --------------------------------------------------------------------------------------
def options_to_prove(*, session: SessionBase, purpose: Purpose, user: User | None = None) -> str:
    """JSON for ``navigator.credentials.get``. Without ``user`` the device offers whom it knows, and
    has to ask for a PIN or a finger: the passkey is then both factors."""
    allowed = None if user is None else _described(_of(user))
    wish = UserVerificationRequirement.PREFERRED if user else UserVerificationRequirement.REQUIRED
    options = generate_authentication_options(
        rp_id=rp_id(), allow_credentials=allowed, user_verification=wish
    )
    _keep(session, purpose, options.challenge)
    return str(options_to_json(options))


def _of(user: User) -> list[Passkey]:
    """Read as that person, who may not be signed in yet."""
    with entered(Scope(actor_id=user.pk)):
        return list(Passkey.objects.filter(owner=user))


def prove(
    *,
    session: SessionBase,
    purpose: Purpose,
    answer: Mapping[str, Any],
    user: User | None = None,
) -> User:
    """Whose passkey signed the challenge; with ``user``, only theirs will do. Raises AppError
    PASSKEY_REFUSED, also when its counter says that the key was copied."""
    challenge = _taken(session, purpose)
    with system_scope("sign-in: whose passkey this is"):
        try:
            key = _named(answer, user)
            proof = verify_authentication_response(
                credential=dict(answer),
                expected_challenge=challenge,
                expected_rp_id=rp_id(),
                expected_origin=origin(),
                credential_public_key=base64url_to_bytes(key.public_key),
                credential_current_sign_count=key.sign_count,
                require_user_verification=user is None,
            )
        except _FAULTS as error:
            raise refused("answer") from error
        # Of two answers with the same counter only one is taken.
        rows = Passkey.objects.filter(pk=key.pk, sign_count=key.sign_count)
        if not rows.update(sign_count=proof.new_sign_count, last_used_at=timezone.now()):
            raise refused("answer")
    return key.owner


def _named(answer: Mapping[str, Any], user: User | None) -> Passkey:
    rows = Passkey.objects.select_related("owner").filter(
        credential_id=str(answer.get("id", "")),
        owner__is_active=True,
        owner__is_application=False,
    )
    key = rows.first() if user is None else rows.filter(owner=user).first()
    if key is None or not _is_handle_of(answer, key.owner_id):
        raise refused("answer")
    return key


def _is_handle_of(answer: Mapping[str, Any], owner_id: UUID) -> bool:
    """A device that names the person it signs for must name the owner of the key."""
    response = answer.get("response")
    handle = response.get("userHandle") if isinstance(response, Mapping) else None
    return not handle or str(handle) == bytes_to_base64url(owner_id.bytes)
