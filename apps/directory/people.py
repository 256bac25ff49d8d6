"""Who an outside person is here: found by a key that never changes, made, renamed, ended.

The same for every kind of source. A key is believed, an e-mail address is not: an account that is
here already is not taken over because somebody outside has its address.
"""

from dataclasses import dataclass

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts.models import ApiKey, User
from apps.core.errors import AppError, ErrorCode
from apps.directory.mapping import withdraw
from apps.directory.models import GivenAdministrator, Identity, IdentitySource
from apps.events import services as events
from apps.permissions.scope import system_scope
from apps.workspaces.handover.services import take_from


@dataclass(frozen=True, slots=True)
class Outside:
    """What a source says of a person. ``name`` is how it names the entry: a DN, a subject."""

    key: str
    email: str = ""
    login: str = ""
    full_name: str = ""
    name: str = ""
    is_enabled: bool = True
    groups: tuple[str, ...] = ()


# --- found or made --------------------------------------------------------------------------------
@transaction.atomic
def person_for(*, source: IdentitySource, outside: Outside) -> User:
    """The account of this person, made at the first time, with name and address as they are
    outside. One that the source had ended and that counts again is active again. Raises AppError
    DIRECTORY_KEY without a key, ACCOUNT_IS_LOCAL when the e-mail address belongs to an account
    that nobody has connected with this person."""
    if not outside.key:
        raise AppError(ErrorCode.DIRECTORY_KEY, status=422)
    identity = _identity(source, outside.key)
    if identity is None:
        return _made(source, outside)
    user = identity.user
    _follow_names(user, outside)
    _note(identity, outside)
    return user


def _identity(source: IdentitySource, key: str) -> Identity | None:
    rows = Identity.objects.select_related("user").filter(source=source, key=key)
    return rows.first()


def _made(source: IdentitySource, outside: Outside) -> User:
    email = address_of(source, outside)
    if User.objects.filter(email__iexact=email).exists():
        raise AppError(ErrorCode.ACCOUNT_IS_LOCAL, status=409, field="email")
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                email=email, login=_free_login(outside.login), name=outside.full_name[:150]
            )
            identity = Identity.objects.create(source=source, user=user, key=outside.key)
    except IntegrityError as error:
        # Somebody signed in twice at the same moment: the other one made the account.
        other = _identity(source, outside.key)
        if other is None:
            raise AppError(ErrorCode.ACCOUNT_IS_LOCAL, status=409, field="email") from error
        return other.user
    _note(identity, outside)
    with system_scope("a person of an outside source comes in for the first time"):
        events.record("person.added", user, email=user.email, origin=source.origin)
    return user


def address_of(source: IdentitySource, outside: Outside) -> str:
    """Their e-mail address; one that reaches nobody where the source has none."""
    return outside.email or f"{outside.key[:100]}@{source.name}.directory.invalid"


def _free_login(login: str, *, but: User | None = None) -> str:
    """The login name, unless somebody else has it: the source knows them by theirs all the same."""
    taken = User.objects.filter(login__iexact=login)
    if but is not None:
        taken = taken.exclude(pk=but.pk)
    return "" if not login or taken.exists() else login


def _follow_names(user: User, outside: Outside) -> None:
    wanted = {"name": outside.full_name or user.name, "email": user.email}
    wanted["login"] = user.login
    if outside.login and outside.login.casefold() != user.login.casefold():
        wanted["login"] = _free_login(outside.login, but=user) or user.login
    if outside.email and outside.email.casefold() != user.email.casefold():
        others = User.objects.filter(email__iexact=outside.email).exclude(pk=user.pk)
        wanted["email"] = user.email if others.exists() else outside.email
    changed = [field for field, value in wanted.items() if getattr(user, field) != value]
    if not changed:
        return
    for field in changed:
        setattr(user, field, wanted[field])
    user.save(update_fields=changed)
    with system_scope("a person of an outside source has another name there"):
        events.record("person.renamed", user, fields=changed)


def _note(identity: Identity, outside: Outside) -> None:
    came_back = outside.is_enabled and not identity.is_enabled
    identity.name = outside.name[:500]
    identity.groups = list(outside.groups)
    identity.is_enabled = outside.is_enabled
    identity.seen_at = timezone.now()
    identity.save(update_fields=["name", "groups", "is_enabled", "seen_at"])
    if came_back and not identity.user.is_active and not identity.user.is_shut_by_hand:
        identity.user.is_active = True
        identity.user.save(update_fields=["is_active"])
        with system_scope("a person of an outside source counts there again"):
            events.record("person.reactivated", identity.user, origin=identity.source.origin)


@transaction.atomic
def connect(*, source: IdentitySource, key: str, user: User) -> Identity:
    """Let an account that is here already be this person's, because an administrator says so. Its
    local password ends. Raises AppError BREAK_GLASS for the last way in without a directory."""
    if break_glass().filter(pk=user.pk).exists():
        keep_break_glass(but=user)
    try:
        with transaction.atomic():
            identity = Identity.objects.create(source=source, user=user, key=key)
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, field="user") from error
    user.set_unusable_password()
    user.save(update_fields=["password"])
    events.record("directory.connected", user, origin=source.origin)
    return identity


# --- the way in without a directory ---------------------------------------------------------------
def break_glass() -> QuerySet[User]:
    """Active administrators by hand with a password of this installation, in no source."""
    given = GivenAdministrator.objects.filter(was_by_hand=False).values("user")
    rows = User.objects.filter(is_administrator=True, is_active=True, identities=None)
    without = Q(password__startswith=UNUSABLE_PASSWORD_PREFIX) | Q(password="")
    return rows.exclude(pk__in=given).exclude(without)


def keep_break_glass(*, but: User | None = None) -> None:
    """Raise AppError BREAK_GLASS unless somebody else could still come in and put things right."""
    others = break_glass()
    if not (others if but is None else others.exclude(pk=but.pk)).exists():
        raise AppError(ErrorCode.BREAK_GLASS, status=409, reason="break_glass")


# --- leaving --------------------------------------------------------------------------------------
@transaction.atomic
def end(*, identity: Identity, successor: User | None = None) -> None:
    """A person who left: sessions, sockets and keys end at once, what the source gave is taken
    back, and what they looked after goes to ``successor`` as far as that person can. Whoever is in another source stays active."""
    user, source = identity.user, identity.source
    Identity.objects.filter(pk=identity.pk).update(is_enabled=False)
    with system_scope("a person of an outside source left: rights, keys and documents"):
        withdraw(user=user, origin=source.origin)
        if user.identities.filter(is_enabled=True).exclude(pk=identity.pk).exists():
            return
        User.objects.filter(pk=user.pk).update(is_active=False)
        user.links.filter(used_at=None).delete()
        keys = ApiKey.objects.filter(owner=user, revoked_at=None)
        revoked = keys.update(revoked_at=timezone.now())
        handed = take_from(leaver=user, successor=successor)
        events.record("person.left", user, origin=source.origin, keys=revoked, documents=handed)
