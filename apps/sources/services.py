"""Verbs on sources: make, change, run, answer, end."""

import json
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, TypedDict

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.errors import AppError, ErrorCode
from apps.core.sealing import seal, unseal
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.sources.connectors import KINDS
from apps.sources.connectors.base import Connector
from apps.sources.jobs import SYNC
from apps.sources.models import Source, SourceRun
from apps.workspaces.models import Collection

RESEND = timedelta(minutes=2)
LEAST_MINUTES = 5
_ACTIVE = (SourceRun.State.QUEUED, SourceRun.State.RUNNING)


class Schedule(TypedDict, total=False):
    """When a source runs by itself: every so many minutes, or daily, or (neither) never."""

    every_minutes: int
    daily_at: time | None


def require_manager(collection: Collection) -> None:
    """Raise ScopeDenied unless the actor manages sources of this collection."""
    current_scope().require_write(collection.pk)
    current_scope().require(Permission.COLLECTION_MANAGE, collection.workspace_id)


def validated(
    kind: str, values: Mapping[str, Any], *, source: Source | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """(settings, secrets) for a kind. Secrets that are left out stay as they are stored, but only
    for the address they were typed for. Raises AppError BAD_REQUEST with ``fields``."""
    connector = KINDS[kind]
    form = connector.form(data=dict(values))
    if unknown := set(values) - set(form.fields):
        raise _wrong({name: [_("Unknown field.")] for name in sorted(unknown)})
    if not form.is_valid():
        raise _wrong({name: [str(one) for one in each] for name, each in form.errors.items()})
    given = form.values()
    typed = {name: str(given.pop(name) or "") for name in connector.secrets}
    stored = {} if source is None else secrets_of(source)
    has_moved = source is not None and any(
        given.get(name) != source.settings.get(name) for name in connector.address
    )
    if has_moved and any(stored.get(name) and not typed[name] for name in connector.secrets):
        lost = [name for name in connector.secrets if stored.get(name) and not typed[name]]
        raise _wrong(
            {
                name: [_("Type it again: it would be sent to another address than before.")]
                for name in lost
            }
        )
    return given, {name: typed[name] or stored.get(name, "") for name in connector.secrets}


def with_defaults(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a program, which leaves out what it does not mind. On a page a box that is left
    out is one that is not ticked."""
    fields = KINDS[kind].form.base_fields
    usual = {name: field.initial for name, field in fields.items() if field.initial is not None}
    return {**usual, **values}


def _wrong(fields: Mapping[str, Any]) -> AppError:
    return AppError(ErrorCode.BAD_REQUEST, fields=fields)


def secrets_of(source: Source) -> dict[str, str]:
    """What was typed as passwords and keys. Raises AppError when the installation's key changed."""
    return dict(json.loads(unseal(source.secrets))) if source.secrets else {}


def connector_of(source: Source) -> Connector:
    """What lists and opens this source."""
    return KINDS[source.kind](source.settings, secrets_of(source))


@transaction.atomic
def create_source(
    *,
    collection: Collection,
    kind: str,
    name: str,
    values: Mapping[str, Any],
    schedule: Schedule,
) -> Source:
    """A source that follows from now on; its first run is queued. Raises AppError BAD_REQUEST with
    ``fields``, or CONFLICT when the name is taken."""
    require_manager(collection)
    settings, secrets = validated(kind, values)
    source = Source(
        collection=collection,
        kind=kind,
        name=name.strip(),
        settings=settings,
        secrets=seal(json.dumps(secrets)) if secrets else "",
        owner_id=current_scope().actor_id,
        **schedule,
    )
    _save(source)
    _record("source.created", source, of_kind=kind)
    start(source)
    return source


@transaction.atomic
def update_source(
    *, source: Source, name: str, values: Mapping[str, Any], schedule: Schedule
) -> Source:
    """Change a source. Whoever saves it takes it over: from then on it acts with their rights."""
    require_manager(source.collection)
    settings, secrets = validated(source.kind, values, source=source)
    source.name = name.strip()
    source.settings = settings
    source.secrets = seal(json.dumps(secrets)) if secrets else ""
    source.owner_id = current_scope().actor_id
    for field, value in schedule.items():
        setattr(source, field, value)
    source.next_run_at = next_run(source)
    _save(source)
    _record("source.changed", source)
    return source


def _save(source: Source) -> None:
    try:
        with transaction.atomic():
            source.save()
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, field="name") from error


@transaction.atomic
def switch(*, source: Source, is_on: bool) -> Source:
    """Pause a source, or let it go on."""
    require_manager(source.collection)
    source.is_on = is_on
    source.next_run_at = next_run(source)
    source.save(update_fields=["is_on", "next_run_at", "updated_at"])
    _record("source.resumed" if is_on else "source.paused", source)
    return source


def run_now(*, source: Source, is_full: bool = False) -> SourceRun:
    """Queue a run; one that is queued or at work is returned as it is."""
    require_manager(source.collection)
    return start(source, is_full=is_full)


@transaction.atomic
def confirm_removals(*, run: SourceRun, remove: int) -> SourceRun:
    """Yes to a run that asked: the next one may remove as many. It lists anew, so what has come
    back meanwhile stays. Raises AppError CONFLICT when this is not what is asked now."""
    source = run.source
    require_manager(source.collection)
    last = source.runs.order_by("-pk").first()
    if last is None or last.pk != run.pk or run.state != SourceRun.State.ASKING:
        raise AppError(ErrorCode.CONFLICT, status=409)
    if remove != run.to_remove:
        raise AppError(ErrorCode.CONFLICT, status=409, would_remove=run.to_remove)
    _record("source.confirmed", source, to_remove=remove)
    return start(source, may_remove=remove)


@transaction.atomic
def delete_source(*, source: Source, keep_documents: bool) -> None:
    """Stop following. Documents are kept as they are, or removed by a last run, after which the
    source goes too."""
    require_manager(source.collection)
    _record("source.deleted", source, keeps_documents=keep_documents)
    if keep_documents:
        source.delete()
        return
    source.is_on, source.is_ending, source.next_run_at = False, True, None
    source.owner_id = current_scope().actor_id
    source.save()
    start(source)


def start(source: Source, **values: Any) -> SourceRun:
    """Queue a run, or return the one that is active: there is at most one."""
    try:
        with transaction.atomic():
            run = SourceRun.objects.create(
                source=source,
                collection_id=source.collection_id,
                not_before=timezone.now() + RESEND,
                **values,
            )
            source.next_run_at = next_run(source)
            Source.objects.filter(pk=source.pk).update(next_run_at=source.next_run_at)
            SYNC.enqueue(run_id=str(run.pk))
    except IntegrityError:
        run = source.runs.filter(state__in=_ACTIVE).latest("created_at")
    return run


def next_run(source: Source, *, now: datetime | None = None) -> datetime | None:
    """When the clock sends it next; None: never."""
    now = now or timezone.now()
    if not source.is_on or source.is_ending:
        return None
    if source.every_minutes:
        return now + timedelta(minutes=max(source.every_minutes, LEAST_MINUTES))
    if source.daily_at is None:
        return None
    local = timezone.localtime(now)
    today = timezone.make_aware(datetime.combine(local.date(), source.daily_at))
    return today if today > now else today + timedelta(days=1)


def _record(kind: str, source: Source, **data: Any) -> None:
    """Of the workspace, not of the collection: its readers do not see where documents come from."""
    events.record(
        kind,
        workspace_id=source.collection.workspace_id,
        source=str(source.pk),
        name=source.name,
        **data,
    )
