"""What is gone at a source goes here too; when that is much, a person is asked first."""

from collections.abc import Collection, Iterable

from apps.core.errors import ErrorCode
from apps.documents import services as documents
from apps.documents.models import Document
from apps.permissions.scope import entered
from apps.sources.acting import Actor
from apps.sources.leases import Work
from apps.sources.models import SourceEntry
from apps.sources.rows import Row

SHARE = 0.2
AT_LEAST = 10


def is_too_many(removed: int, of: int) -> bool:
    """More than a fifth and at least ten; or all of them: a share that is not mounted and a list
    that came back empty look like that."""
    if removed and removed == of:
        return of > 1
    return removed >= AT_LEAST and removed > of * SHARE


def remove_missing(
    work: Work, actor: Actor, missing: Collection[Row], *, of: Collection[Row]
) -> None:
    """End a run whose listing was whole: what it did not meet goes, or is asked about."""
    doomed = sum(1 for row in missing if row.document_id is not None)
    tracked = sum(1 for row in of if row.document_id is not None)
    is_confirmed = doomed <= work.run.may_remove
    if is_too_many(doomed, tracked) and not is_confirmed:
        work.finish(code=ErrorCode.TOO_MANY_REMOVALS, to_remove=doomed)
        return
    remove(work, actor, missing)
    work.finish()


def remove(work: Work, actor: Actor, rows: Iterable[Row]) -> None:
    """Delete the documents of these entries, and forget them. What a person changed here is
    theirs now and stays."""
    for row in list(rows):
        work.extend()
        work.held()
        document = row.document
        if document is not None and _is_of_a_person(document, row):
            work.counts.problem(document.name, ErrorCode.CHANGED_BY_HAND)
        elif document is not None:
            with entered(actor.scope()):
                documents.delete_document(document=document)
            work.counts.removed += 1
        SourceEntry.objects.filter(pk=row.pk).delete()


def _is_of_a_person(document: Document, row: Row) -> bool:
    newest = document.versions.order_by("-number").first()
    return newest is not None and bool(row.sha256) and newest.sha256 != row.sha256
