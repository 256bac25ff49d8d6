"""The beat table: what is sent by the clock."""

from celery.schedules import BaseSchedule, crontab, schedule

from apps.accounts.jobs import FORGET_SESSIONS
from apps.chat.jobs import CLOSE_INTERRUPTED
from apps.core.jobs import Job
from apps.directory import jobs as directory_jobs
from apps.directory import upkeep as directory
from apps.documents import jobs
from apps.documents.runs import upkeep
from apps.events import jobs as event_jobs
from apps.intake import jobs as intake_jobs
from apps.intake import upkeep as intake
from apps.isolation.jobs import PROVE
from apps.sources import upkeep as sources
from apps.sources.jobs import DUE
from apps.webhooks import jobs as webhook_jobs
from workers.app import celery_app


def _entry(job: Job, when: BaseSchedule) -> dict[str, object]:
    # What was not worked on before the next turn is stale: a broker that was away is not flooded.
    options = {"queue": job.queue.value, "expires": job.expires_s}
    return {"task": job.name, "schedule": when, "options": options}


celery_app.conf.beat_schedule = {
    "sweep": _entry(jobs.SWEEP, schedule(upkeep.SWEEP_EVERY)),
    "sweep intake": _entry(intake_jobs.SWEEP, schedule(intake.SWEEP_EVERY)),
    "interrupted answers": _entry(CLOSE_INTERRUPTED, schedule(60)),
    "directory": _entry(directory_jobs.DUE, schedule(directory.EVERY)),
    "directory watch": _entry(directory_jobs.WATCH, schedule(directory.WATCH_EVERY)),
    "sources": _entry(DUE, schedule(sources.EVERY)),
    "seal events": _entry(event_jobs.SEAL, schedule(event_jobs.SEAL_EVERY)),
    "relay events": _entry(event_jobs.RELAY, schedule(event_jobs.RELAY_EVERY)),
    "verify events": _entry(event_jobs.VERIFY, crontab(minute="50", hour="3")),
    "webhooks": _entry(webhook_jobs.DELIVER, schedule(webhook_jobs.EVERY)),
    "old webhook messages": _entry(webhook_jobs.FORGET, crontab(minute="30", hour="3")),
    "optimise": _entry(jobs.OPTIMIZE, crontab(minute="40")),
    "sessions": _entry(FORGET_SESSIONS, crontab(minute="10", hour="3")),
    "prove isolation": _entry(PROVE, crontab(minute="10", hour="2")),
    "reconcile": _entry(jobs.RECONCILE, crontab(minute="20", hour="3")),
}
# Entries by the clock only: nothing has to be remembered between two starts.
celery_app.conf.beat_scheduler = "celery.beat:Scheduler"
