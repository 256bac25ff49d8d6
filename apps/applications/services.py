"""Verbs on applications, their keys and their public keys: for administrators."""

import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from apps.accounts.models import User
from apps.applications.keys import PREFIX, digest
from apps.applications.models import Application, ApplicationKey, PublicKey
from apps.applications.public_keys import Public, public_keys_of
from apps.core import hooks
from apps.core.errors import AppError, ErrorCode
from apps.core.ids import uuid7
from apps.events import services as events
from apps.permissions.roles import ApplicationScope, Permission
from apps.permissions.scope import current_scope

MOST_PUBLIC_KEYS = 10
OVERLAP = timedelta(days=7)
_SHOWN = 12


@transaction.atomic
def create_application(*, name: str, **values: Any) -> Application:
    """An application with the two accounts that hold what it is granted. ``values``: description,
    scopes, acts, reach, networks, origins. Raises AppError CONFLICT for a name that is taken."""
    current_scope().require(Permission.ADMINISTER)
    pk = uuid7()
    application = Application(
        pk=pk,
        name=name.strip(),
        account=_account(pk, name, "app"),
        sandbox_account=_account(pk, name, "test"),
        owner_id=current_scope().actor_id,
        **_checked(values),
    )
    _save(application, is_new=True)
    events.record("application.created", application, name=application.name)
    return application


@transaction.atomic
def change_application(*, application: Application, **values: Any) -> Application:
    """Change what an application may do; it bites on its next request."""
    current_scope().require(Permission.ADMINISTER)
    checked = _checked(values)
    changed = [field for field, value in checked.items() if getattr(application, field) != value]
    for field in changed:
        setattr(application, field, checked[field])
    _save(application, fields=[*changed, "updated_at"])
    if "name" in changed:
        for account, ending in (
            (application.account, ""),
            (application.sandbox_account, " (sandbox)"),
        ):
            account.name = f"{application.name}{ending}"[:150]
            account.save(update_fields=["name"])
    if changed:
        events.record(
            "application.changed", application, name=application.name, fields=sorted(changed)
        )
    return application


@transaction.atomic
def set_active(*, application: Application, is_active: bool) -> None:
    """Stop an application, with every key that it has, or let it go on."""
    current_scope().require(Permission.ADMINISTER)
    application.is_active = is_active
    application.save(update_fields=["is_active", "updated_at"])
    for account in (application.account, application.sandbox_account):
        account.is_active = is_active
        account.save(update_fields=["is_active"])
    kind = "application.resumed" if is_active else "application.stopped"
    events.record(kind, application, name=application.name)


def _account(pk: UUID, name: str, ending: str) -> User:
    """An account that nobody signs in with: no password, an address that cannot exist."""
    stem = slugify(name)[:60] or pk.hex[-8:]
    login = f"{stem}.{ending}"
    if User.objects.filter(login__iexact=login).exists():
        login = f"{stem}-{pk.hex[-8:]}.{ending}"
    return User.objects.create_user(
        email=f"{ending}-{pk}@applications.invalid",
        login=login,
        name=name.strip()[:130] + (" (sandbox)" if ending == "test" else ""),
        is_application=True,
    )


def _save(
    application: Application, *, is_new: bool = False, fields: list[str] | None = None
) -> None:
    try:
        with transaction.atomic():
            application.save(force_insert=is_new, update_fields=fields)
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, field="name") from error


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    checked = dict(values)
    if "name" in checked:
        checked["name"] = checked["name"].strip()
    if "scopes" in checked:
        checked["scopes"] = [s.value for s in ApplicationScope if s.value in checked["scopes"]]
    if "networks" in checked:
        checked["networks"] = [_network(text) for text in checked["networks"]]
    if "origins" in checked:
        checked["origins"] = [_origin(text) for text in checked["origins"]]
    return checked


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError as error:
        raise AppError(ErrorCode.BAD_REQUEST, field="networks", value=text) from error


def _origin(text: str) -> str:
    """``https://erp.example``: scheme, host and port, and nothing more."""
    parts = urlsplit(text.strip().lower().rstrip("/"))
    origin = f"{parts.scheme}://{parts.netloc}"
    is_plain = parts.geturl() == origin and "@" not in parts.netloc and "*" not in parts.netloc
    if parts.scheme not in {"https", "http"} or not parts.netloc or not is_plain:
        raise AppError(ErrorCode.BAD_REQUEST, field="origins", value=text)
    return origin


# --- keys -----------------------------------------------------------------------------------------
@transaction.atomic
def create_key(
    *,
    application: Application,
    name: str,
    is_sandbox: bool = False,
    expires_at: datetime | None = None,
    requests_per_minute: int = 600,
    tokens_per_day: int = 0,
) -> tuple[ApplicationKey, str]:
    """(row, plain key). The plain key is shown once; only its hash is stored."""
    current_scope().require(Permission.ADMINISTER)
    plain = f"{PREFIX}{'test' if is_sandbox else 'live'}_{secrets.token_urlsafe(32)}"
    key = ApplicationKey.objects.create(
        application=application,
        name=name.strip(),
        prefix=plain[:_SHOWN],
        key_sha256=digest(plain),
        is_sandbox=is_sandbox,
        expires_at=expires_at,
        requests_per_minute=requests_per_minute,
        tokens_per_day=tokens_per_day,
    )
    events.record("application.key_created", key, **_named(key))
    return key, plain


@transaction.atomic
def rotate_key(*, key: ApplicationKey, overlap: timedelta = OVERLAP) -> tuple[ApplicationKey, str]:
    """A new key with the limits of the old one, which ends after ``overlap``: until then both
    work, so that nothing has to change at one moment. Raises AppError CONFLICT for a dead key."""
    current_scope().require(Permission.ADMINISTER)
    now = timezone.now()
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        raise AppError(ErrorCode.CONFLICT, status=409, reason="ended")
    made = create_key(
        application=key.application,
        name=key.name,
        is_sandbox=key.is_sandbox,
        expires_at=None if key.expires_at is None else now + (key.expires_at - key.created_at),
        requests_per_minute=key.requests_per_minute,
        tokens_per_day=key.tokens_per_day,
    )
    hooks.key_replaced(key.pk, made[0].pk)
    ends = now + overlap
    key.expires_at = ends if key.expires_at is None else min(ends, key.expires_at)
    key.save(update_fields=["expires_at"])
    events.record("application.key_rotated", key, until=key.expires_at, **_named(key))
    return made


@transaction.atomic
def revoke_key(*, key: ApplicationKey) -> None:
    """The key stops working with the next request, and what runs for it with its next look."""
    current_scope().require(Permission.ADMINISTER)
    key.revoked_at = key.revoked_at or timezone.now()
    key.save(update_fields=["revoked_at"])
    events.record("application.key_revoked", key, **_named(key))


def _named(key: ApplicationKey) -> dict[str, Any]:
    return {"name": key.name, "application": key.application.name, "prefix": key.prefix}


# --- public keys ----------------------------------------------------------------------------------
@transaction.atomic
def add_public_keys(*, application: Application, text: str, kid: str = "") -> Sequence[PublicKey]:
    """Register the keys of a PEM, a JWK or a JWKS. Raises AppError BAD_REQUEST with a ``reason``
    for anything else, also for a private key: it is compromised by having been typed here."""
    current_scope().require(Permission.ADMINISTER)
    found = public_keys_of(text, kid=kid)
    if application.public_keys.count() + len(found) > MOST_PUBLIC_KEYS:
        raise AppError(ErrorCode.BAD_REQUEST, field="text", reason="too_many_keys")
    return [_add(application, public) for public in found]


def _add(application: Application, public: Public) -> PublicKey:
    try:
        with transaction.atomic():
            key = PublicKey.objects.create(
                application=application, kid=public.kid, algorithm=public.algorithm, jwk=public.jwk
            )
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, field="kid") from error
    events.record("application.public_key_added", key, name=key.kid, application=application.name)
    return key


@transaction.atomic
def remove_public_key(*, key: PublicKey) -> None:
    """What was signed with it is refused from now on."""
    current_scope().require(Permission.ADMINISTER)
    events.record(
        "application.public_key_removed", key, name=key.kid, application=key.application.name
    )
    key.delete()
