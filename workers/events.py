"""The tasks that keep the list of events whole."""

import logging

from django.conf import settings

from apps.events import chain, jobs
from apps.events.siem import relay
from workers.tasks import task

log = logging.getLogger(__name__)


@task(jobs.SEAL, reason="append links to the chain of events")
def seal() -> None:
    """Give every new event its place in the chain."""
    if chain.extend() and settings.SYSLOG:
        jobs.RELAY.enqueue()


@task(jobs.RELAY, reason="send events to a SIEM")
def relay_events() -> None:
    """Send what was sealed to the syslog server, if there is one."""
    relay.run()


@task(jobs.VERIFY, reason="compare the chain of events")
def verify() -> None:
    """Look whether anything was changed, and remember it for the audit page."""
    report = chain.check()
    if not report.is_whole:
        log.error("the chain of events is broken at %s: %s", report.broken_at, report.reason)
