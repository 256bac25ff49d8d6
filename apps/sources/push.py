"""Programs that send documents themselves, by ``external_id``: what is there, and what is gone."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from apps.core import hooks
from apps.core.errors import AppError, ErrorCode
from apps.documents import services as documents
from apps.documents.arrival.members import INSIDE, members_of
from apps.documents.models import DeletionReceipt, Document
from apps.permissions.scope import current_scope
from apps.sources.removal import is_too_many
from apps.workspaces.models import Collection

# Documents of sources are followed by their source; a program's list says nothing of them.
OF_SOURCES = "source:"


@dataclass(frozen=True, slots=True)
class Removed:
    """A document that went, and its receipt."""

    external_id: str
    document: object
    receipt: object


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a list of all external_ids that exist."""

    kept: int
    removed: list[Removed]
    unknown: list[str]


def pushed(collection: Collection, *, prefix: str = "") -> QuerySet[Document]:
    """Documents that a program named by an ``external_id``."""
    found = Document.objects.filter(collection=collection, external_id__startswith=prefix)
    return found.exclude(external_id="").exclude(external_id__startswith=OF_SOURCES)


def settle(
    *, collection: Collection, external_ids: Sequence[str], prefix: str = "", remove: int = 0
) -> Settled:
    """Remove every pushed document that is not in the list. Raises AppError TOO_MANY_REMOVALS
    (409, ``would_remove``) when it would be unusually many and not as many were confirmed.

    Repeatable: what is interrupted in the middle is finished by sending it again.
    """
    current_scope().require_write(collection.pk)
    there = set(external_ids)
    if any(not each.startswith(prefix) for each in there):
        raise AppError(ErrorCode.BAD_REQUEST, fields={"external_ids": ["prefix"]})
    found = list(
        pushed(collection, prefix=prefix).only("pk", "external_id", "collection_id", "name")
    )
    doomed = [document for document in found if not named_by(document) & there]
    if is_too_many(len(doomed), len(found)) and len(doomed) > remove:
        details = {"would_remove": len(doomed), "of": len(found)}
        raise AppError(ErrorCode.TOO_MANY_REMOVALS, status=409, **details)
    removed = [_removed(document) for document in doomed]
    gone = {removal.external_id.partition(INSIDE)[0] for removal in removed} - there
    hooks.external_ids_removed(collection.pk, sorted(gone))
    known = {name for document in found for name in named_by(document)}
    return Settled(len(found) - len(doomed), removed, sorted(there - known))


def named_by(document: Document) -> set[str]:
    """The ids that name a pushed document: its own, and that of the archive that it came in."""
    return {document.external_id, document.external_id.partition(INSIDE)[0]}


def remove_one(*, collection: Collection, external_id: str) -> DeletionReceipt:
    """Remove the document of this name of a program, or all that came in the archive of this name;
    the receipt of the first. Raises Document.DoesNotExist."""
    current_scope().require_write(collection.pk)
    exact = pushed(collection).filter(external_id=external_id)
    found = [*exact, *members_of(collection, external_id)] if external_id else []
    if not found:
        raise Document.DoesNotExist
    receipts = [documents.delete_document(document=document) for document in found]
    hooks.external_ids_removed(collection.pk, [external_id])
    return receipts[0]


def _removed(document: Document) -> Removed:
    receipt = documents.delete_document(document=document)
    return Removed(document.external_id, document.pk, receipt.pk)
