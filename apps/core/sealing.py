"""Secrets at rest: passwords, keys and one-time secrets are stored encrypted with the installation's
own key. What was sealed with an earlier key still opens, until ``manage.py rotate_secrets`` has
sealed it anew."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from apps.core.errors import AppError, ErrorCode

# Every column that holds such a secret, as ``app.Model.field``.
COLUMNS = (
    "accounts.Authenticator.sealed_secret",
    "directory.Directory.secret",
    "engines.Endpoint.sealed_key",
    "signon.SignOnProvider.secrets",
    "signon.SignOnSession.hint",
    "sources.Source.secrets",
    "webhooks.Webhook.sealed_before",
    "webhooks.Webhook.sealed_secret",
)


def _fernet(key: str) -> Fernet:
    # A purpose in the hash keeps this key apart from the one that signs sessions.
    digest = hashlib.sha256(f"sealing\0{key}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def _all_keys() -> MultiFernet:
    """The present key seals; it and the earlier ones open."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([_fernet(key) for key in keys])


def seal(text: str) -> str:
    """``text`` encrypted, fit for a text column."""
    return _all_keys().encrypt(text.encode()).decode("ascii")


def unseal(text: str) -> str:
    """What ``seal`` was given. Raises AppError ENGINE_REJECTED when the installation's key has
    changed since: the stored secret is then lost and has to be typed in again."""
    try:
        return _all_keys().decrypt(text.encode("ascii")).decode()
    except (InvalidToken, UnicodeError) as error:
        raise AppError(ErrorCode.ENGINE_REJECTED, status=502, reason="sealed_key") from error


def is_present(text: str) -> bool:
    """Whether it was sealed with the present key, so that no earlier one is needed to open it."""
    try:
        _fernet(settings.SECRET_KEY).decrypt(text.encode("ascii"))
    except (InvalidToken, UnicodeError):
        return False
    return True
