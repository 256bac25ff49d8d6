"""Archives that a program named by an external_id: the newest one of an id says what there is."""

from collections.abc import Callable
from collections.abc import Collection as Several
from functools import partial
from uuid import UUID

from django.db import transaction

from apps.documents import services as documents
from apps.documents.arrival.members import inside, may_be_of, members_of
from apps.documents.arrival.names import clean_path
from apps.documents.models import Document
from apps.engines.archives import kind_of
from apps.intake import parts
from apps.intake.models import Unpacking

WAITING = (Unpacking.State.QUEUED, Unpacking.State.RUNNING)


def overtake(newer: Unpacking) -> None:
    """Stop what still is to be unpacked of older archives of the same id. Inside the transaction
    that makes ``newer``."""
    if not newer.external_id:
        return
    older = Unpacking.objects.filter(
        collection_id=newer.collection_id, external_id=newer.external_id, state__in=WAITING
    )
    for pk in list(older.values_list("pk", flat=True)):
        transaction.on_commit(partial(parts.remove, pk))
    older.delete()


def replaced(
    row: Unpacking, *, came: Several[str], left: Several[str], beat: Callable[[], None]
) -> None:
    """Remove the documents of the earlier archive that this one has no file for. One whose file is
    there and could not be taken this time stays as it was, and so does what came out of an archive
    inside that cannot be opened now. ``beat`` is called before each; it raises when the work is not
    ours any more."""
    names = {*came, *left, *(clean_path(name) for name in left)}
    kept = {inside(row.external_id, name) for name in names}
    unread = [inside(row.external_id, clean_path(name)) for name in left if kind_of(name)]
    for document in members_of(row.collection_id, row.external_id):
        member = document.external_id
        if member in kept or any(may_be_of(member, x, archive=row.external_id) for x in unread):
            continue
        beat()
        documents.delete_document(document=document)
    # A plain file of this id was there before.
    before = Document.objects.filter(
        collection_id=row.collection_id, external_id=row.external_id
    ).first()
    if before is not None:
        beat()
        documents.delete_document(document=before)


def no_archive_any_more(
    collection: UUID, external_ids: Several[str], ended: list[UUID] | None = None
) -> None:
    """Forget archives of these ids and remove their documents: nothing is in their place, or a
    plain file. To ``ended`` those are added that still were to be unpacked."""
    found = Unpacking.objects.filter(collection_id=collection, external_id__in=external_ids)
    for row in found.exclude(external_id=""):
        for document in members_of(collection, row.external_id):
            documents.delete_document(document=document)
        pk = row.pk
        row.delete()
        parts.remove(pk)
        if ended is not None and row.state in WAITING:
            ended.append(pk)
