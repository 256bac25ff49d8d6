"""The tasks that keep the list of events whole."""

import logging

from apps.events import chain, jobs
from workers.tasks import task

log = logging.getLogger(__name__)


@task(jobs.SEAL, reason="append links to the chain of events")
def seal() -> None:
    """Give every new event its place in the chain."""
    chain.seal()


@task(jobs.VERIFY, reason="compare the chain of events")
def verify() -> None:
    """Look whether anything was changed, and remember it for the audit page."""
    report = chain.check()
    if not report.is_whole:
        log.error("the chain of events is broken at %s: %s", report.broken_at, report.reason)
