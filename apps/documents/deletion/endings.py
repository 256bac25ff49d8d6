"""The first moment of a deletion: a receipt is written while everything can still be counted."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from apps.core import quotes
from apps.core.hooks import Ending
from apps.documents.deletion import receipts
from apps.documents.jobs import CLEAN_UP
from apps.documents.models import Chunk, DeletionReceipt, Document, DocumentVersion, PassageEdit
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection, Workspace


def document_ends(document: Document) -> DeletionReceipt:
    """The receipt of a document; the one that there is when it is deleted twice."""
    collection = Collection.objects.get(pk=document.collection_id)
    workspace = Workspace.objects.get(pk=collection.workspace_id)
    actor_id = current_scope().actor_id
    versions = DocumentVersion.objects.filter(document_id=document.pk)
    receipt, is_new = DeletionReceipt.objects.get_or_create(
        object_id=document.pk,
        defaults={
            "kind": DeletionReceipt.Kind.DOCUMENT,
            "name": document.name,
            "workspace_id": workspace.pk,
            "workspace_name": workspace.name,
            "collection_id": collection.pk,
            "collection_name": collection.name,
            "requested_by_id": actor_id,
            "requested_by": receipts.name_of(actor_id),
            **_what_goes(list(versions.values_list("pk", "sha256"))),
            "removed": {"documents": 1},
        },
    )
    return _begun(receipt) if is_new else receipt


def place_ends(ending: Ending) -> None:
    """The receipt of a collection or a workspace, in the transaction that removes its rows. Runs
    in a system scope."""
    ids = list(ending.collections)
    versions = DocumentVersion.objects.filter(collection_id__in=ids)
    found = list(versions.values_list("pk", "sha256"))
    what = _what_goes(found)
    what["work"]["collections"] = [str(pk) for pk in ids]
    gone = Document.with_deleted.filter(collection_id__in=ids)
    what["work"]["documents"] = [str(pk) for pk in gone.values_list("pk", flat=True)]
    receipt = DeletionReceipt.objects.create(
        id=ending.id,
        kind=ending.kind,
        object_id=ending.object_id,
        name=ending.name,
        workspace_id=ending.workspace_id,
        workspace_name=ending.workspace_name,
        collection_id=ending.object_id if ending.kind == "collection" else None,
        collection_name=ending.name if ending.kind == "collection" else "",
        requested_by_id=ending.actor_id,
        requested_by=receipts.name_of(ending.actor_id),
        removed={
            "collections": len(ids),
            "documents": Document.objects.filter(collection_id__in=ids).count(),
            "versions": len(found),
            "chunks": Chunk.with_disabled.filter(collection_id__in=ids).count(),
            "edits": PassageEdit.objects.filter(collection_id__in=ids).count(),
            "quotes": quotes.count_of_collections(ids),
        },
        **what,
    )
    _begun(receipt)


def _begun(receipt: DeletionReceipt) -> DeletionReceipt:
    receipts.step(receipt, "hidden")
    receipt.save()
    CLEAN_UP.enqueue(receipt_id=str(receipt.pk))
    return receipt


def _what_goes(versions: Sequence[tuple[UUID, str]]) -> dict[str, Any]:
    """Ids of versions, and the files to erase: the rows may be gone before the job runs."""
    return {
        "versions": sorted(str(pk) for pk, _sha256 in versions),
        "work": {"files": sorted({sha256 for _pk, sha256 in versions})},
    }
