"""A version before it is read: known to do harm, or not. Infected bytes stay, and are given to
nobody."""

from collections.abc import Callable

from apps.core import blobs, clamav
from apps.documents.models import DocumentVersion, IngestRun
from apps.documents.runs import ledger
from apps.documents.runs.ledger import Clock, Passed, Stage


def scan(run: IngestRun, *, beat: Callable[[], None]) -> None:
    """Have the file scanned, where a scanner is configured. Raises as ``clamav.scan`` does. In a
    system scope."""
    path = blobs.path_of(run.version.sha256)
    if not clamav.is_on() or not path.exists():  # a missing file is said to be missing later
        return
    clock = Clock()
    try:
        clamav.scan(path, beat=beat)
    except clamav.Infected as error:
        _mark(run.version, error.signature)
        raise
    if run.version.infection:  # the scanner's list was wrong, and was corrected
        _mark(run.version, "")
    ledger.note(run, [Passed(Stage.SCANNED, run.version.size, clock.read())])


def _mark(version: DocumentVersion, signature: str) -> None:
    """Wherever else these bytes are, too."""
    DocumentVersion.objects.filter(sha256=version.sha256).update(infection=signature)
    version.infection = signature
