"""Secrets at rest: keys of model servers are stored encrypted with the installation's own key."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from apps.core.errors import AppError, ErrorCode


def _fernet() -> Fernet:
    # A purpose in the hash keeps this key apart from the one that signs sessions.
    digest = hashlib.sha256(f"sealing\0{settings.SECRET_KEY}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def seal(text: str) -> str:
    """``text`` encrypted, fit for a text column."""
    return _fernet().encrypt(text.encode()).decode("ascii")


def unseal(text: str) -> str:
    """What ``seal`` was given. Raises AppError ENGINE_REJECTED when the installation's key has
    changed since: the stored secret is then lost and has to be typed in again."""
    try:
        return _fernet().decrypt(text.encode("ascii")).decode()
    except (InvalidToken, UnicodeError) as error:
        raise AppError(ErrorCode.ENGINE_REJECTED, status=502, reason="sealed_key") from error
