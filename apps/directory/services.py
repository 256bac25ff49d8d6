"""Verbs of administrators on directories, their rules and their runs."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import Group, User
from apps.core import hooks
from apps.core.errors import AppError, ErrorCode
from apps.core.sealing import seal
from apps.directory.config import settings_of
from apps.directory.jobs import SYNC
from apps.directory.ldap.settings import Settings
from apps.directory.models import Directory, DirectoryRun, Identity, IdentitySource, MappingRule
from apps.directory.people import connect, keep_break_glass
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.models import CustomRole, Workspace
from apps.workspaces.roles.granting import AnyRole

EDITABLE = frozenset(
    [
        "preset",
        "is_on",
        "addresses",
        "is_start_tls",
        "ca",
        "bind_dn",
        "user_bases",
        "user_filter",
        "group_bases",
        "group_filter",
        "key_attribute",
        "login_attribute",
        "name_attribute",
        "mail_attribute",
        "timeout_s",
        "prepares",
        "every_minutes",
        "successor",
    ]
)
_State = DirectoryRun.State


# --- directories ----------------------------------------------------------------------------------
@transaction.atomic
def save_directory(
    *,
    values: Mapping[str, Any],
    directory: Directory | None = None,
    name: str = "",
    password: str | None = None,
) -> Directory:
    """Add a directory, or change one. ``password``: None keeps the sealed one. Raises AppError
    CONFLICT when the name is taken, BREAK_GLASS when turning it on would leave no way in without
    it, BAD_REQUEST with ``field`` when the servers change and the password is not typed again."""
    current_scope().require(Permission.ADMINISTER)
    is_new = directory is None
    row = Directory(source=_source(name)) if directory is None else directory
    if not is_new and password is None and row.secret and _moves(row, values):
        # Otherwise whoever may edit could send the stored password to a server of their own.
        raise AppError(ErrorCode.BAD_REQUEST, field="password", reason="password_again")
    for field, value in values.items():
        if field in EDITABLE:
            setattr(row, field, value)
    if password is not None:
        row.secret = seal(password) if password else ""
    settings_of(row)  # refuses what would be reached without encryption
    if row.is_on:
        keep_break_glass()
    row.next_run_at = timezone.now() if row.is_on and row.every_minutes else None
    row.save()
    kind = "directory.added" if is_new else "directory.changed"
    events.record(kind, row, name=row.source.name, is_on=row.is_on)
    return row


def settings_to_try(
    *, values: Mapping[str, Any], directory: Directory | None, password: str | None
) -> Settings:
    """Settings as they would be with these values; nothing is stored. Raises AppError BAD_REQUEST
    when the stored password would be sent elsewhere."""
    current_scope().require(Permission.ADMINISTER)
    row = directory or Directory(source=IdentitySource(kind=IdentitySource.Kind.LDAP))
    if directory is not None and password is None and row.secret and _moves(row, values):
        raise AppError(ErrorCode.BAD_REQUEST, field="password", reason="password_again")
    for field in EDITABLE & set(values):
        setattr(row, field, values[field])
    if password is not None:
        row.secret = seal(password)
    return settings_of(row)


def _moves(row: Directory, values: Mapping[str, Any]) -> bool:
    """Whether the password would go to another place, or there with less protection."""
    watched = ("addresses", "is_start_tls", "ca", "bind_dn")
    changed = (str(values.get(field, getattr(row, field))) for field in watched)
    stored = (str(getattr(row, field)) for field in watched)
    return any(new.split() != old.split() for new, old in zip(changed, stored, strict=True))


def _source(name: str) -> IdentitySource:
    source, is_new = IdentitySource.objects.get_or_create(
        kind=IdentitySource.Kind.LDAP, name=name.strip()
    )
    if not is_new and Directory.objects.filter(source=source).exists():
        raise AppError(ErrorCode.CONFLICT, status=409, field="name")
    return source


@transaction.atomic
def delete_directory(*, directory: Directory) -> None:
    """Forget how it is reached. Its people stay, with what it gave them, until its source goes."""
    current_scope().require(Permission.ADMINISTER)
    events.record("directory.deleted", directory, name=directory.source.name)
    directory.delete()


# --- rules ----------------------------------------------------------------------------------------
@transaction.atomic
def add_rule(
    *,
    source: IdentitySource,
    outside: str,
    group: Group | None = None,
    workspace: Workspace | None = None,
    role: AnyRole | None = None,
    is_administrator: bool = False,
) -> MappingRule:
    """Say what an outside group gives. It counts from each person's next sign-in, and from the
    next run. Raises AppError BAD_REQUEST unless it gives exactly one thing."""
    current_scope().require(Permission.ADMINISTER)
    rule = MappingRule(
        source=source,
        outside=outside.strip(),
        group=group,
        workspace_id=None if workspace is None else workspace.pk,
        is_administrator=is_administrator,
    )
    if isinstance(role, CustomRole):
        rule.custom = role if workspace else None
    elif role and workspace:
        rule.role = role
    try:
        with transaction.atomic():
            rule.save(force_insert=True)
    except IntegrityError as error:
        raise AppError(ErrorCode.BAD_REQUEST, field="gives", reason="gives") from error
    gives = str(group or workspace or "administrator")
    named = str(rule.custom or rule.role)
    events.record("directory.rule_added", rule, outside=rule.outside, gives=gives, role=named)
    hooks.rules_changed(source.pk)
    return rule


@transaction.atomic
def remove_rule(*, rule: MappingRule) -> None:
    current_scope().require(Permission.ADMINISTER)
    events.record("directory.rule_removed", rule, outside=rule.outside)
    source_id = rule.source_id
    rule.delete()
    hooks.rules_changed(source_id)


# --- runs -----------------------------------------------------------------------------------------
@transaction.atomic
def start_run(*, directory: Directory, is_dry: bool, may_remove: int = 0) -> DirectoryRun:
    """Look at the directory now. Raises AppError CONFLICT while a run is at work."""
    current_scope().require(Permission.ADMINISTER)
    try:
        with transaction.atomic():
            run = DirectoryRun.objects.create(
                directory=directory, is_dry=is_dry, may_remove=may_remove
            )
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, reason="running") from error
    if not is_dry:
        events.record("directory.started", run, name=str(directory), may_remove=may_remove)
    SYNC.enqueue(run_id=str(run.pk))
    return run


def confirm_run(*, run: DirectoryRun, people: int) -> DirectoryRun:
    """Let a run that asked take from as many people as the person saw. It looks again first."""
    if run.state != _State.ASKING or people != run.to_remove:
        raise AppError(ErrorCode.CONFLICT, status=409, reason="changed")
    return start_run(directory=run.directory, is_dry=False, may_remove=people)


# --- people ---------------------------------------------------------------------------------------
@transaction.atomic
def connect_account(*, source: IdentitySource, key: str, email: str) -> Identity:
    """Say that a local account is this person of the directory."""
    current_scope().require(Permission.ADMINISTER)
    user = User.objects.get(email__iexact=email.strip())
    return connect(source=source, key=key, user=user)


def may_not_end(user_id: UUID) -> None:
    """Called before an account is deactivated or loses the administration by hand: while people
    sign in with a directory, one way in without it stays. Raises AppError BREAK_GLASS."""
    if Directory.objects.filter(is_on=True).exists():
        user = User.objects.get(pk=user_id)
        keep_break_glass(but=user)
