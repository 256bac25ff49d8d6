"""The tasks that keep an installation tidy."""

from uuid import UUID

from apps.accounts import notices
from apps.accounts.jobs import FORGET_SESSIONS, TELL
from apps.accounts.sessions.services import forget_over
from apps.chat import passing
from apps.chat.jobs import CLOSE_INTERRUPTED
from apps.chat.services import close_interrupted
from apps.documents import jobs
from apps.documents.deletion import erase
from apps.documents.deletion import reconcile as reconciling
from apps.documents.runs import upkeep
from apps.intake import jobs as intake_jobs
from apps.intake import upkeep as intake
from apps.signon import services as sign_on
from workers.tasks import task


@task(FORGET_SESSIONS, reason="forget sessions that are over")
def forget_sessions() -> None:
    """Remove the rows of sessions that ended by themselves."""
    forget_over()
    sign_on.forget_over()


@task(TELL, reason="tell a person what changed on their account")
def tell(event_id: str, tries: int) -> None:
    """Send the mail about one event."""
    notices.tell(UUID(event_id), tries=tries)


@task(jobs.CLEAN_UP, reason="erase what was deleted")
def clean_up(receipt_id: str) -> None:
    """Erase what is stored of something deleted."""
    erase.clean_up(UUID(receipt_id))


@task(jobs.SWEEP, reason="send lost work again")
def sweep() -> None:
    """Send runs and deletions again whose message or worker was lost."""
    upkeep.sweep()


@task(jobs.RECONCILE, reason="compare SQL with index and files")
def reconcile() -> None:
    """Repair what index and disk hold that SQL does not, and the other way round."""
    reconciling.run(is_repairing=True)


@task(jobs.OPTIMIZE, reason="compact the index")
def optimize() -> None:
    """Compact the index."""
    upkeep.optimize()


@task(CLOSE_INTERRUPTED, reason="end answers whose process died")
def end_interrupted_answers() -> None:
    """Mark answers that no process writes any more, and forget those that were not to stay."""
    close_interrupted()
    passing.sweep()


@task(intake_jobs.SWEEP, reason="forget uploads that did not arrive")
def sweep_intake() -> None:
    """Forget what did not arrive in time."""
    intake.sweep()
