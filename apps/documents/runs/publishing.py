"""The last step of a run: once the index holds all of a version and a search finds it, it answers."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db import DatabaseError, transaction
from django.utils import timezone

from apps.core.errors import ErrorCode, Transient
from apps.documents.arrival import attachments
from apps.documents.models import Document, DocumentVersion, IngestRun
from apps.documents.passages import cutting
from apps.documents.runs import ledger
from apps.documents.runs.indexing import drop_from_index
from apps.documents.runs.leases import Work
from apps.documents.runs.ledger import Clock, Passed, Stage
from apps.documents.runs.probe import is_found
from apps.documents.runs.queue import queue
from apps.engines import factory
from apps.engines.models import EmbeddingProfile
from apps.engines.profiles import filling_profile
from apps.events import services as events
from apps.rag.ports import EngineError

log = logging.getLogger(__name__)


def published_together(
    works: Sequence[Work], profile: EmbeddingProfile, counts: Mapping[UUID, int]
) -> list[Work]:
    """Publish first versions with one transaction. Returns the runs that are left to ``publish``,
    one by one: all others, and all of these where anything was not as it should be."""
    plain = [work for work in works if _is_plain(work)]
    if len(plain) < 2:
        return list(works)
    wanted = cutting.expected_of([work.run for work in plain])
    whole = [
        work for work in plain if 0 < counts[work.run.version_id] == wanted[work.run.version_id]
    ]
    try:
        found = [(work, took) for work in whole if (took := _verified(work, profile)) is not None]
        with transaction.atomic():
            done = _switched(found, profile, counts)
    except (DatabaseError, EngineError, Transient) as error:
        log.warning("%d runs are published one by one: %s", len(plain), error)
        return list(works)
    return [work for work in works if work.run.pk not in done]


def _is_plain(work: Work) -> bool:
    """A document's first version, which takes nothing's place and has nothing attached."""
    run, version = work.run, work.run.version
    is_first = version.number == 1 and run.document.current_id is None
    return is_first and not (run.profile_id or run.cut or version.attachments)


def _verified(work: Work, profile: EmbeddingProfile) -> int | None:
    """How long it took to find it; None where it was not found."""
    clock = Clock()
    is_there = is_found(work.run.version, profile=profile, vector=work.sample)
    return clock.read() if is_there else None


def _switched(
    found: Sequence[tuple[Work, int]], profile: EmbeddingProfile, counts: Mapping[UUID, int]
) -> set[UUID]:
    """Make these versions the current ones, in a transaction; the runs that are done with it."""
    took = {work.run.pk: ms for work, ms in found}
    held = Work.held_together([work for work, _ms in found])
    rows = Document.objects.select_for_update().filter(current=None)
    documents = rows.order_by("pk").in_bulk([work.run.document_id for work in held])
    works = [work for work in held if work.run.document_id in documents]
    if not works:
        return set()
    ledger.note_all(
        (run, Passed(Stage.VERIFIED, counts[run.version_id], took[run.pk]))
        for run in (work.run for work in works)
    )
    versions = [work.run.version for work in works]
    DocumentVersion.objects.filter(pk__in=[one.pk for one in versions]).update(
        indexed_at=timezone.now()
    )
    for version in versions:
        documents[version.document_id].current_id = version.pk
    Document.objects.bulk_update(documents.values(), ["current"])
    _also_elsewhere(versions, profile)
    events.record_all(
        "document.ready", ((one, {"name": one.name, "version": 1}) for one in documents.values())
    )
    Work.finish_together(works)
    cutting.send_next_of([work.run for work in works])
    return {work.run.pk for work in works}


def publish(work: Work, profile: EmbeddingProfile, *, found: int) -> None:
    """Make a version the current one, or, with a profile of its own, end its filling."""
    run, version = work.run, work.run.version
    if not _is_whole(work, found):
        return
    if run.profile_id:
        _fill(work)
        return
    clock = Clock()
    if found and not is_found(version, run.cut, profile=profile, vector=work.sample):
        work.wait(ErrorCode.NOT_FOUND_AGAIN, counts=True, stage=IngestRun.Stage.EMBED)
        return
    with transaction.atomic():
        work.held()
        ledger.note(run, [Passed(Stage.VERIFIED, found, clock.read())])
        document = Document.objects.select_for_update().get(pk=run.document_id)
        is_newest = _is_newest(document, version)
        if is_newest:
            DocumentVersion.objects.filter(pk=version.pk).update(indexed_at=timezone.now())
            Document.objects.filter(pk=document.pk).update(current=version)
            cutting.switch(run, count=found)
            attachments.settle(version)
            _also_elsewhere([version], profile)
            events.record("document.ready", document, name=document.name, version=version.number)
        work.finish(is_cancelled=not is_newest)
    cutting.finish_switch(run, is_switched=is_newest)
    cutting.send_next_of([run])
    if not is_newest:
        drop_from_index([version.pk])
    elif version.number > 1:  # the first version has nothing before it
        others = DocumentVersion.objects.filter(document_id=run.document_id).exclude(pk=version.pk)
        drop_from_index(list(others.values_list("pk", flat=True)))


def _is_whole(work: Work, found: int) -> bool:
    """Whether the table holds all passages; if not, the run waits to write them again."""
    wanted = cutting.expected_of([work.run])[work.run.version_id]
    if found == wanted:
        return True
    log.error("version %s: %d rows for %d chunks", work.run.version_id, found, wanted)
    work.wait(ErrorCode.ENGINE_WAIT, counts=True, stage=IngestRun.Stage.EMBED)
    return False


def _fill(work: Work) -> None:
    """The end of a run for a table beside the live one. A version that is no longer the current
    one leaves that table again."""
    version_id = work.run.version_id
    is_current = Document.objects.filter(pk=work.run.document_id, current=version_id).exists()
    work.finish(is_cancelled=not is_current)
    cutting.send_next_of([work.run])
    if not is_current:
        drop_from_index([version_id])


def _also_elsewhere(versions: Iterable[DocumentVersion], profile: EmbeddingProfile) -> None:
    """A table that is being filled gets the versions too. Raises Transient when such a table has
    taken over since they were written to that of ``profile``."""
    # In this order: what is not filling any more when it is asked for is current when it is.
    filling = filling_profile()
    if filling is not None:
        for version in versions:
            queue(version, stage=IngestRun.Stage.EMBED, profile=filling)
    if not EmbeddingProfile.objects.filter(pk=profile.pk, is_current=True).exists():
        factory.refresh()
        raise Transient(ErrorCode.ENGINE_WAIT, retry_after=0.0)


def _is_newest(document: Document, version: DocumentVersion) -> bool:
    if document.current_id is None:
        return True
    numbers = dict(document.versions.values_list("pk", "number"))
    return numbers[document.current_id] <= numbers[version.pk]
