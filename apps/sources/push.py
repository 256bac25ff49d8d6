"""Programs that send documents themselves, by ``external_id``: what is there, and what is gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Left

from apps.core import hooks
from apps.core.errors import AppError, ErrorCode
from apps.documents import services as documents
from apps.documents.arrival.members import INSIDE, beginning
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
    found = beginning(Document.objects.filter(collection=collection), prefix)
    found = found.alias(whose=Left("external_id", len(OF_SOURCES))).exclude(whose=OF_SOURCES)
    return found.exclude(external_id="")


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
    kept = [document for document in found if named_by(document) & there]
    stay = {document.pk for document in kept}
    doomed = [document for document in found if document.pk not in stay]
    if is_too_many(len(doomed), len(found)) and len(doomed) > remove:
        details = {"would_remove": len(doomed), "of": len(found)}
        raise AppError(ErrorCode.TOO_MANY_REMOVALS, status=409, **details)
    removed = [_removed(document) for document in doomed]
    gone = {_archive_of(removal.external_id) for removal in removed} - there
    # An archive goes whole: not while something of it stays, or may lie beyond what was asked for.
    gone -= {_archive_of(document.external_id) for document in kept}
    gone = {each for each in gone if each.startswith(prefix)}
    hooks.external_ids_removed(collection.pk, sorted(gone), [])
    known = {name for document in found for name in named_by(document)}
    return Settled(len(kept), removed, sorted(there - known))


def named_by(document: Document) -> set[str]:
    """The ids that name a pushed document: its own, and that of the archive that it came in."""
    return {document.external_id, _archive_of(document.external_id)}


def _archive_of(external_id: str) -> str:
    return external_id.partition(INSIDE)[0]


def remove_one(*, collection: Collection, external_id: str) -> DeletionReceipt | None:
    """Remove the document of this name of a program, or all that came in the archive of this name;
    the receipt of the first. None when the archive still was to be unpacked: it is not, and nothing
    was there to remove. Raises Document.DoesNotExist."""
    current_scope().require_write(collection.pk)
    if not external_id or external_id.startswith(OF_SOURCES):
        raise Document.DoesNotExist
    exact = pushed(collection).filter(external_id=external_id)
    found = [*exact, *pushed(collection, prefix=f"{external_id}{INSIDE}")]
    receipts = [documents.delete_document(document=document) for document in found]
    ended: list[UUID] = []
    with transaction.atomic():  # when nothing was there, nothing is forgotten either
        hooks.external_ids_removed(collection.pk, [external_id], ended)
        if not receipts and not ended:
            raise Document.DoesNotExist
    return receipts[0] if receipts else None


def _removed(document: Document) -> Removed:
    receipt = documents.delete_document(document=document)
    return Removed(document.external_id, document.pk, receipt.pk)
