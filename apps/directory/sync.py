"""Follow a directory: look at all of it, then make it so here, or ask a person first."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

from django.db import DatabaseError
from django.db.models import F
from django.utils import timezone

from apps.core.errors import AppError, ErrorCode
from apps.core.leases import Lease, LeaseLost, take
from apps.directory import config
from apps.directory.backends import outside_of
from apps.directory.ldap import connecting, reading
from apps.directory.mapping import apply_groups
from apps.directory.models import Directory, DirectoryRun, Identity
from apps.directory.people import Outside, end, person_for
from apps.directory.planning import Plan, is_too_many, plan
from apps.events import services as events

log = logging.getLogger(__name__)
_State = DirectoryRun.State
MOST_LINES = 500
KEPT_RUNS = 50
MOST_ATTEMPTS = 3
# Of whom is asked every minute whether they still count: those who were here last.
WATCHED = 2000


# --- a whole run ----------------------------------------------------------------------------------
def sync(run_id: UUID) -> None:
    """Do a run that waits, if nobody else does it. May be sent twice."""
    until = take(DirectoryRun.objects.filter(pk=run_id))
    if until is None:
        return
    run = DirectoryRun.objects.select_related("directory__source", "directory__successor").get(
        pk=run_id
    )
    lease = Lease(run, until)
    try:
        if run.attempt > MOST_ATTEMPTS:
            _fail(run, lease, ErrorCode.GAVE_UP)
        else:
            _follow(run, lease)
    except AppError as error:
        _fail(run, lease, error.code)
    except LeaseLost:
        log.warning("directory %s: another worker has taken the run", run.directory)


def _fail(run: DirectoryRun, lease: Lease, code: str) -> None:
    _end(run, lease, _State.FAILED, error_code=str(code))
    events.record("directory.failed", run, name=str(run.directory), code=str(code))


def _follow(run: DirectoryRun, lease: Lease) -> None:
    people = listed(run.directory, beat=lambda: _keep(lease))
    lease.extend()
    made = plan(run.directory, people)
    lease.extend()
    shown = [
        {
            "kind": line.kind,
            "who": line.who,
            "gained": line.gained,
            "lost": line.lost,
            "key": line.key,
        }
        for line in made.sorted_lines()
    ]
    values = {"seen": made.seen, "counts": made.counts(), "lines": shown[:MOST_LINES]}
    if run.is_dry:
        _end(run, lease, _State.DONE, to_remove=made.removals, **values)
    elif made.is_large and made.removals > run.may_remove:
        _end(
            run,
            lease,
            _State.ASKING,
            to_remove=made.removals,
            error_code=ErrorCode.TOO_MANY_LEAVERS,
            **values,
        )
        events.record("directory.asks", run, name=str(run.directory), people=made.removals)
    else:
        _carry_out(run, lease, made)
        _end(run, lease, _State.DONE, **values)
        if made.lines:
            events.record(
                "directory.synchronised", run, name=str(run.directory), counts=made.counts()
            )


def listed(directory: Directory, *, beat: Callable[[], None] | None = None) -> list[Outside]:
    """Everybody in the directory. Raises AppError: of a part nobody is concluded to have left."""
    settings = config.settings_of(directory)
    with connecting.connected(settings) as connection:
        people = reading.read_people(connection, settings, beat=beat or (lambda: None))
    if not people:
        raise AppError(ErrorCode.DIRECTORY_EMPTY, status=502)
    return [outside_of(person) for person in people]


def _carry_out(run: DirectoryRun, lease: Lease, made: Plan) -> None:
    """Person by person, each in a transaction of their own: what was done stays when it breaks
    off, and the next run finds the rest."""
    directory = run.directory
    for identity in made.leaving:
        end(identity=identity, successor=directory.successor)
        _keep(lease)
    for outside in [*made.present, *made.joining]:
        try:
            user = person_for(source=directory.source, outside=outside)
        except AppError as error:
            log.warning("directory %s: a person is left out: %s", directory, error.code)
            continue
        except DatabaseError:
            log.exception("directory %s: a person is left out", directory)
            continue
        apply_groups(user=user, origin=directory.source.origin, groups=outside.groups)
        _keep(lease)


def _keep(lease: Lease) -> None:
    if not lease.is_fresh(5):
        lease.extend()


def _end(run: DirectoryRun, lease: Lease, state: str, **values: object) -> None:
    lease.end(state, finished_at=timezone.now(), **values)
    old = DirectoryRun.objects.filter(directory_id=run.directory_id).order_by("-pk")
    kept = list(old.values_list("pk", flat=True)[:KEPT_RUNS])
    old.exclude(pk__in=kept).delete()


# --- every minute ---------------------------------------------------------------------------------
def watch() -> None:
    """Ask of those who were here last whether they still count: who left is out within a minute,
    not only after the next run. A directory that cannot be asked ends nobody."""
    for directory in config.in_use():
        try:
            gone = list(_gone(directory))
        except AppError as error:
            log.warning("directory %s not watched: %s", directory, error.code)
            continue
        known = Identity.objects.filter(source=directory.source, is_enabled=True).count()
        if gone and (len(gone) == known or is_too_many(len(gone), known)):
            # So many at once are for a run, which asks a person.
            due_now(directory)
            continue
        for identity in gone:
            end(identity=identity, successor=directory.successor)


def _gone(directory: Directory) -> Iterator[Identity]:
    rows = Identity.objects.filter(source=directory.source, is_enabled=True, user__is_active=True)
    recent = list(
        rows.select_related("user", "source").order_by(F("user__last_login").desc(nulls_last=True))[
            :WATCHED
        ]
    )
    if not recent:
        return
    settings = config.settings_of(directory)
    with connecting.connected(settings) as connection:
        states = reading.read_states(connection, settings, [each.key for each in recent])
    yield from (each for each in recent if not states.get(each.key, False))


# --- by the clock ---------------------------------------------------------------------------------
def due_now(directory: Directory) -> None:
    Directory.objects.filter(pk=directory.pk).update(next_run_at=timezone.now())


def next_run(directory: Directory) -> None:
    """When the clock looks at it again."""
    every = timedelta(minutes=max(5, directory.every_minutes))
    when = timezone.now() + every if directory.is_on and directory.every_minutes else None
    Directory.objects.filter(pk=directory.pk).update(next_run_at=when)
