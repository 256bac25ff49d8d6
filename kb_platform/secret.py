"""The installation's secret key, made once when none is given."""

import hashlib
import hmac
import os
import secrets

from kb_platform.env import Env

_BEFORE = "secret.key.before"


def secret_key(values: Env) -> str:
    """``KB_SECRET_KEY``, or the one kept in data_dir/secret.key (mode 0600, made at first start)."""
    if values.secret_key is not None:
        return values.secret_key.get_secret_value()
    path = values.data_dir / "secret.key"
    values.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as out:
        key = secrets.token_urlsafe(50)
        out.write(key)
    return key


def earlier_keys(values: Env) -> list[str]:
    """Keys of before, the latest first: they still open what was sealed and signed with them."""
    if values.secret_key is not None:
        said = values.secret_key_before.get_secret_value() if values.secret_key_before else ""
        return [key.strip() for key in said.split(",") if key.strip()]
    path = values.data_dir / _BEFORE
    return path.read_text().split() if path.exists() else []


def token_for(purpose: str, key: str) -> str:
    """A secret that this product's own processes share, made from the installation's key."""
    return hmac.new(key.encode(), f"footnote {purpose}".encode(), hashlib.sha256).hexdigest()
