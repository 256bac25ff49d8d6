"""Verbs on people, groups, one-time links and API keys."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import ApiKey, OneTimeLink, User
from apps.core import hooks
from apps.core.errors import AppError, ErrorCode
from apps.events import services as events
from apps.permissions.roles import KeyScope, Permission
from apps.permissions.scope import current_scope, system_scope

LINK_DAYS = {
    OneTimeLink.Purpose.SETUP: 30,
    OneTimeLink.Purpose.INVITE: 14,
    OneTimeLink.Purpose.RESET: 2,
    OneTimeLink.Purpose.FACTOR: 2,
}
_CHOOSES_PASSWORD = (
    OneTimeLink.Purpose.SETUP,
    OneTimeLink.Purpose.INVITE,
    OneTimeLink.Purpose.RESET,
)
KEY_PREFIX = "fn_"
# A key in use writes its time at most this often.
_USED_EVERY = timedelta(minutes=1)


def digest(plain: str) -> str:
    """How tokens and keys are stored: they are random and long, so a plain hash is enough."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


# --- people ---------------------------------------------------------------------------------------
@transaction.atomic
def create_user(
    *,
    email: str,
    name: str = "",
    login: str = "",
    password: str | None = None,
    is_administrator: bool = False,
) -> User:
    """A person. Without a password the account waits for a one-time link to be used. Raises
    AppError CONFLICT with ``field`` when the e-mail address or login name is taken."""
    current_scope().require(Permission.ADMINISTER)
    user = _insert(
        email=email, name=name, login=login, password=password, is_administrator=is_administrator
    )
    events.record("person.added", user, email=user.email)
    return user


def _insert(*, email: str, login: str = "", password: str | None = None, **fields: object) -> User:
    try:
        with transaction.atomic():
            return User.objects.create_user(
                email=email, login=login.strip(), password=password, **fields
            )
    except IntegrityError as error:
        is_email = User.objects.filter(email__iexact=email.strip()).exists()
        field = "email" if is_email else "login"
        raise AppError(ErrorCode.CONFLICT, status=409, field=field) from error


@transaction.atomic
def invite(*, email: str, name: str = "") -> tuple[User, str]:
    """A person without a password, and the path of the link with which they choose one."""
    user = create_user(email=email, name=name)
    return user, one_time_link(OneTimeLink.Purpose.INVITE, user)


@transaction.atomic
def reset_link(*, user: User) -> str:
    """The path of a link with which this person chooses a new password. Older links end."""
    current_scope().require(Permission.ADMINISTER)
    purpose = (
        OneTimeLink.Purpose.RESET if user.has_usable_password() else OneTimeLink.Purpose.INVITE
    )
    events.record("person.link_made", user, purpose=purpose)
    return one_time_link(purpose, user)


@transaction.atomic
def rename_user(*, user: User, name: str, login: str) -> User:
    """Change what a person is called. A person may do that for themselves."""
    _require_self_or_administrator(user)
    user.name, user.login = name.strip(), login.strip()
    try:
        with transaction.atomic():
            user.save(update_fields=["name", "login"])
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, field="login") from error
    events.record("person.renamed", user, email=user.email, login=user.login)
    return user


@transaction.atomic
def prefer(*, user: User, language: str | None = None, theme: str | None = None) -> User:
    """The language and the theme in which a person reads; None leaves one as it is."""
    _require_self_or_administrator(user)
    wanted = {"language": language, "theme": theme}
    said = {name: value for name, value in wanted.items() if value is not None}
    for name, value in said.items():
        setattr(user, name, value)
    if said:  # only these: somebody may be changing the others at the same moment
        user.save(update_fields=list(said))
    return user


@transaction.atomic
def change_password(*, user: User, password: str) -> None:
    """Store a new password. Every other session of this person ends with it."""
    _require_self_or_administrator(user)
    user.set_password(password)
    user.save(update_fields=["password"])
    events.record("person.password_changed", user)


@transaction.atomic
def deactivate(*, user: User) -> None:
    """End sessions and keys of this person at once. What they made stays."""
    current_scope().require(Permission.ADMINISTER)
    _keep_an_administrator(but=user)
    user.is_active, user.is_shut_by_hand = False, True
    user.save(update_fields=["is_active", "is_shut_by_hand"])
    user.links.filter(used_at=None).delete()
    user.browser_sessions.all().delete()
    events.record("person.deactivated", user)


@transaction.atomic
def reactivate(*, user: User) -> None:
    current_scope().require(Permission.ADMINISTER)
    user.is_active, user.is_shut_by_hand = True, False
    user.save(update_fields=["is_active", "is_shut_by_hand"])
    events.record("person.reactivated", user)


@transaction.atomic
def set_administrator(*, user: User, is_administrator: bool) -> None:
    """Let a person run the installation, or stop that. One active administrator always stays."""
    current_scope().require(Permission.ADMINISTER)
    if not is_administrator:
        _keep_an_administrator(but=user)
    user.is_administrator = is_administrator
    user.save(update_fields=["is_administrator"])
    events.record("person.administrator", user, is_administrator=is_administrator)


def _keep_an_administrator(*, but: User) -> None:
    # Locked, so that two administrators cannot remove each other at the same time.
    others = User.objects.select_for_update().filter(is_administrator=True, is_active=True)
    if but.is_administrator and not [user for user in others if user.pk != but.pk]:
        raise AppError(ErrorCode.CONFLICT, status=409, reason="last_administrator")
    if but.is_administrator:
        hooks.administrator_ends(but.pk)


def _require_self_or_administrator(user: User) -> None:
    scope = current_scope()
    if scope.actor_id != user.pk:
        scope.require(Permission.ADMINISTER)


# --- one-time links -------------------------------------------------------------------------------
def has_administrator() -> bool:
    return User.objects.filter(is_administrator=True).exists()


@transaction.atomic
def setup_token() -> str | None:
    """A fresh token that makes the first administrator; None once there is one. An older token
    ends, so only the link shown last works."""
    if has_administrator():
        return None
    OneTimeLink.objects.filter(purpose=OneTimeLink.Purpose.SETUP).delete()
    return _token(OneTimeLink.Purpose.SETUP, None)


def open_link(token: str, *purposes: str) -> OneTimeLink | None:
    """The unused, unexpired link of this token, if it is for one of ``purposes``."""
    return (
        OneTimeLink.objects.select_related("user")
        .filter(
            token_sha256=digest(token),
            purpose__in=purposes,
            used_at=None,
            expires_at__gt=timezone.now(),
        )
        .first()
    )


def use_up(link: OneTimeLink) -> bool:
    """Whether this call is the one that uses it: a conditional UPDATE decides."""
    rows = OneTimeLink.objects.filter(pk=link.pk, used_at=None)
    return bool(rows.update(used_at=timezone.now()))


@transaction.atomic
def redeem(*, token: str, password: str, email: str = "", name: str = "", login: str = "") -> User:
    """Use a one-time link: makes the first administrator, or sets the name and password of the
    invited person. Raises AppError NOT_FOUND for a link that is used, old or never was."""
    link = open_link(token, *_CHOOSES_PASSWORD)
    if link is None or not use_up(link):
        raise AppError(ErrorCode.NOT_FOUND, status=404)
    if link.purpose == OneTimeLink.Purpose.SETUP:
        return _first_administrator(email=email, name=name, login=login, password=password)
    user = link.user
    if user is None or not user.is_active:
        raise AppError(ErrorCode.NOT_FOUND, status=404)
    user.name = name.strip() or user.name
    user.set_password(password)
    user.save(update_fields=["name", "password"])
    with system_scope("one-time link: the person is not signed in yet"):
        events.record("person.joined", user, purpose=link.purpose)
    return user


def _first_administrator(*, email: str, name: str, login: str, password: str) -> User:
    if has_administrator():
        raise AppError(ErrorCode.NOT_FOUND, status=404)
    with system_scope("first run: there is nobody yet who could allow it"):
        return create_user(
            email=email, name=name, login=login, password=password, is_administrator=True
        )


@transaction.atomic
def ensure_administrator(*, email: str, password: str) -> User | None:
    """The administrator of an unattended install; None when there is one already."""
    if has_administrator():
        return None
    OneTimeLink.objects.filter(purpose=OneTimeLink.Purpose.SETUP).delete()
    return _first_administrator(email=email, name="", login="", password=password)


def _token(purpose: str, user: User | None) -> str:
    plain = secrets.token_urlsafe(32)
    OneTimeLink.objects.create(
        purpose=purpose,
        user=user,
        token_sha256=digest(plain),
        expires_at=timezone.now() + timedelta(days=LINK_DAYS[OneTimeLink.Purpose(purpose)]),
    )
    return plain


def one_time_link(purpose: str, user: User) -> str:
    """The path of a new link for this person; what was not used before it ends."""
    user.links.filter(used_at=None).delete()
    page = "lost-factor" if purpose == OneTimeLink.Purpose.FACTOR else "join"
    return reverse(f"accounts:{page}", args=[_token(purpose, user)])


# --- API keys -------------------------------------------------------------------------------------
@transaction.atomic
def create_api_key(
    *, owner: User, name: str, scope: KeyScope, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """(row, plain key). The plain key is shown once; only its hash is stored."""
    plain = KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        owner=owner,
        name=name.strip(),
        prefix=plain[:10],
        key_sha256=digest(plain),
        scope=scope,
        expires_at=expires_at,
    )
    events.record("key.created", key, name=key.name, scope=key.scope)
    return key, plain


@transaction.atomic
def revoke_api_key(*, key: ApiKey) -> None:
    """The key stops working with the next request."""
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    events.record("key.revoked", key, name=key.name)


def name_of_key(plain: str) -> str:
    """Name and owner of a key, ``NAME (ADDRESS)``, though it may have ended; empty for one that
    never was."""
    with system_scope("sign-in: whose key this is"):
        key = ApiKey.objects.select_related("owner").filter(key_sha256=digest(plain)).first()
    return f"{key.name} ({key.owner.email})" if key else ""


def user_of_key(plain: str) -> tuple[User, ApiKey] | None:
    """Who this key speaks for, if it is neither revoked nor expired and its owner is active."""
    if not plain.startswith(KEY_PREFIX):
        return None
    now = timezone.now()
    with system_scope("sign-in: whose key this is"):
        key = (
            ApiKey.objects.select_related("owner")
            .filter(key_sha256=digest(plain), revoked_at=None, owner__is_active=True)
            .exclude(expires_at__lte=now)
            .first()
        )
        if key is None:
            return None
        if key.last_used_at is None or now - key.last_used_at > _USED_EVERY:
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key.owner, key
