"""Verbs of single sign-on: providers, people who arrive, sessions that end."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.models import BrowserSession, User
from apps.core.errors import AppError, ErrorCode
from apps.core.sealing import seal, unseal
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope, system_scope
from apps.signon.kinds import KINDS
from apps.signon.kinds.base import Ended, Named, ProviderKind, Statement
from apps.signon.models import SignOnIdentity, SignOnPolicy, SignOnProvider, SignOnSession


# --- providers ------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Wanted:
    """What an administrator typed for a provider, besides what its kind wants."""

    slug: str
    name: str
    name_zh: str = ""
    is_on: bool = False
    creates_people: bool = True
    confirms_emails: bool = False
    domains: list[str] = field(default_factory=list)


def validated(
    kind: str, values: Mapping[str, Any], *, provider: SignOnProvider | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """(settings, secrets) for a kind. Secrets that are left out stay as they are stored, but only
    for the address they were typed for. Raises AppError BAD_REQUEST with ``fields``."""
    cls = KINDS[kind]
    form = cls.form(data=dict(values))
    if unknown := set(values) - set(form.fields):
        raise _wrong({name: [_("Unknown field.")] for name in sorted(unknown)})
    if not form.is_valid():
        raise _wrong({name: [str(one) for one in each] for name, each in form.errors.items()})
    given = form.values()
    typed = {name: str(given.pop(name) or "") for name in cls.secrets}
    stored = {} if provider is None else secrets_of(provider)
    has_moved = provider is not None and any(
        given.get(name) != provider.settings.get(name) for name in cls.address
    )
    lost = [name for name in cls.secrets if stored.get(name) and not typed[name]]
    if has_moved and lost:
        again = _("Type it again: it would be sent to another address than before.")
        raise _wrong({name: [again] for name in lost})
    kept = {name: stored[name] for name in stored if name not in cls.secrets}
    return given, {**kept, **{name: typed[name] or stored.get(name, "") for name in cls.secrets}}


def with_defaults(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a program, which leaves out what it does not mind."""
    fields = KINDS[kind].form.base_fields
    usual = {name: each.initial for name, each in fields.items() if each.initial is not None}
    return {**usual, **values}


def _wrong(fields: Mapping[str, Any]) -> AppError:
    return AppError(ErrorCode.BAD_REQUEST, fields=fields)


def secrets_of(provider: SignOnProvider) -> dict[str, str]:
    """What was typed as secrets. Raises AppError when the installation's key changed."""
    return dict(json.loads(unseal(provider.secrets))) if provider.secrets else {}


def kind_of(provider: SignOnProvider) -> ProviderKind:
    named = Named(provider.slug, provider.settings, secrets_of(provider))
    return KINDS[provider.kind](named)


@transaction.atomic
def save_provider(
    *,
    kind: str,
    wanted: Wanted,
    values: Mapping[str, Any],
    provider: SignOnProvider | None = None,
) -> SignOnProvider:
    """A new provider, or a changed one. Raises AppError BAD_REQUEST with ``fields``, or CONFLICT
    with ``field`` when the short name is taken."""
    current_scope().require(Permission.ADMINISTER)
    given, secrets = validated(kind, values, provider=provider)
    row = provider or SignOnProvider(kind=kind)
    is_new = provider is None
    if is_new:
        row.slug = wanted.slug  # part of addresses and origins: it stays
    row.name, row.name_zh = wanted.name.strip(), wanted.name_zh.strip()
    row.is_on = wanted.is_on
    row.creates_people, row.confirms_emails = wanted.creates_people, wanted.confirms_emails
    row.domains = sorted({domain.lower().lstrip("@") for domain in wanted.domains})
    row.settings = given
    if is_new:
        secrets = {**secrets, **KINDS[kind].made_secrets()}
    row.secrets = seal(json.dumps(secrets)) if any(secrets.values()) else ""
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, field="slug") from error
    kind_of_event = "sign_on.provider_added" if is_new else "sign_on.provider_changed"
    events.record(kind_of_event, row, name=row.name, of_kind=kind, is_on=row.is_on)
    return row


@transaction.atomic
def delete_provider(*, provider: SignOnProvider) -> None:
    """Nobody signs in with it any more; sessions that began with it end, people stay."""
    current_scope().require(Permission.ADMINISTER)
    _end(list(SignOnSession.objects.filter(identity__provider=provider)))
    events.record("sign_on.provider_deleted", provider, name=provider.name)
    provider.delete()


def policy() -> SignOnPolicy:
    return SignOnPolicy.objects.first() or SignOnPolicy()


@transaction.atomic
def set_policy(*, passwords_for_administrators_only: bool) -> SignOnPolicy:
    """Raises AppError CONFLICT when nobody but administrators could sign in any more."""
    current_scope().require(Permission.ADMINISTER)
    has_another = SignOnProvider.objects.filter(is_on=True).exists()
    if passwords_for_administrators_only and not has_another:
        raise AppError(ErrorCode.CONFLICT, status=409, reason="no_provider")
    row = policy()
    row.passwords_for_administrators_only = passwords_for_administrators_only
    row.save()
    events.record("sign_on.policy_changed", administrators_only=passwords_for_administrators_only)
    return row


# --- people who arrive ----------------------------------------------------------------------------
@transaction.atomic
def arrive(*, provider: SignOnProvider, statement: Statement) -> SignOnIdentity:
    """The person of a believed statement, known, linked or made. Raises AppError
    SIGN_ON_NO_ACCOUNT, in the same words whatever the reason."""
    identity = _known(provider, statement) or _first_seen(provider, statement)
    if not identity.user.is_active:
        raise _no_account("deactivated")
    SignOnIdentity.objects.filter(pk=identity.pk).update(last_used_at=timezone.now())
    return identity


def _known(provider: SignOnProvider, statement: Statement) -> SignOnIdentity | None:
    """Known by this provider: another one that names the same issuer speaks for nobody of it."""
    rows = SignOnIdentity.objects.select_related("user", "provider").filter(provider=provider)
    return rows.filter(issuer=statement.issuer, subject=statement.subject).first()


def _first_seen(provider: SignOnProvider, statement: Statement) -> SignOnIdentity:
    """Linked or made. Two browsers of one person may arrive at the same moment: then the other one
    has done it."""
    try:
        with transaction.atomic():
            user = _by_email(provider, statement) or _made(provider, statement)
            return _linked(provider, statement, user)
    except (IntegrityError, AppError) as error:
        other = _known(provider, statement)
        if other is not None:
            return other
        if isinstance(error, AppError) and error.code == ErrorCode.SIGN_ON_NO_ACCOUNT:
            raise
        raise _no_account("taken at the same moment") from error


def _no_account(reason: str) -> AppError:
    return AppError(ErrorCode.SIGN_ON_NO_ACCOUNT, status=403, reason=reason)


def _is_confirmed(provider: SignOnProvider, statement: Statement) -> bool:
    return bool(statement.email) and (statement.is_email_confirmed or provider.confirms_emails)


def _by_email(provider: SignOnProvider, statement: Statement) -> User | None:
    """The account that has this address already, where the provider may speak for it. Whoever runs
    the installation is never found so: they connect it themselves."""
    found = User.objects.filter(email__iexact=statement.email).first() if statement.email else None
    if found is None:
        return None
    domain = statement.email.rpartition("@")[2].lower()
    if not _is_confirmed(provider, statement) or domain not in provider.domains:
        raise _no_account("address taken")
    if found.is_administrator:
        raise _no_account("administrator")
    return found


def _made(provider: SignOnProvider, statement: Statement) -> User:
    if not provider.creates_people:
        raise _no_account("nobody is made")
    email = statement.email if _is_confirmed(provider, statement) else _no_address(statement)
    with system_scope("sign-on: a person who was never here"):
        return accounts.create_user(email=email, name=statement.name)


def _no_address(statement: Statement) -> str:
    """Accounts have an address. One that is not confirmed could be somebody else's, so it is not
    taken; .invalid belongs to nobody."""
    known_as = hashlib.sha256(f"{statement.issuer}\0{statement.subject}".encode()).hexdigest()
    return f"{known_as[:20]}@sign-on.invalid"


def _linked(provider: SignOnProvider, statement: Statement, user: User) -> SignOnIdentity:
    identity = SignOnIdentity.objects.create(
        user=user, provider=provider, issuer=statement.issuer, subject=statement.subject
    )
    with system_scope("sign-on: the person is not signed in yet"):
        events.record("sign_on.linked", user, provider=provider.name)
    return identity


@transaction.atomic
def connect(*, provider: SignOnProvider, statement: Statement, user: User) -> SignOnIdentity:
    """The signed-in person's own account opens with this provider from now on. Raises AppError
    SIGN_ON_NO_ACCOUNT when it opens somebody else's."""
    identity = _known(provider, statement) or _linked(provider, statement, user)
    if identity.user_id != user.pk:
        raise _no_account("somebody else's")
    return identity


@transaction.atomic
def disconnect(*, identity: SignOnIdentity) -> None:
    """The account opens with it no more, and sessions that began with it end."""
    _end(list(identity.sessions.all()))
    events.record("sign_on.unlinked", identity.user, provider=identity.provider.name)
    identity.delete()


# --- sessions -------------------------------------------------------------------------------------
def remember(*, identity: SignOnIdentity, session_key: str, statement: Statement) -> SignOnSession:
    """This session began at a provider, as the session ``sid`` there."""
    row, _is_new = SignOnSession.objects.update_or_create(
        session_key=session_key,
        defaults={
            "identity": identity,
            "sid": statement.sid,
            "hint": seal(statement.hint) if statement.hint else "",
        },
    )
    return row


@transaction.atomic
def end_sessions(*, provider: SignOnProvider, ended: Ended) -> int:
    """End what the provider says: how many sessions did."""
    rows = SignOnSession.objects.filter(identity__provider=provider)
    if ended.subject:
        rows = rows.filter(identity__subject=ended.subject)
    if ended.sid:
        rows = rows.filter(sid=ended.sid)
    found = list(rows.select_related("identity__user")) if ended.subject or ended.sid else []
    _end(found)
    with system_scope("sign-on: the provider ends sessions, nobody is signed in"):
        for user in {row.identity.user for row in found}:
            events.record("sign_on.ended", user, provider=provider.name)
    return len(found)


def forget_over() -> int:
    """Remove what is remembered of sessions that are not there any more. Returns how many."""
    there = BrowserSession.objects.values("session_key")
    return SignOnSession.objects.exclude(session_key__in=there).delete()[0]


def _end(rows: list[SignOnSession]) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for row in rows:
        store(session_key=row.session_key).delete()
    SignOnSession.objects.filter(pk__in=[row.pk for row in rows]).delete()
