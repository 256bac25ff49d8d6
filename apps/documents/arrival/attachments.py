"""What is attached to a mail: documents of their own that belong to the mail's.

They are added while the mail is read, as whoever uploaded it, and found again by their names when
it is read again. One that a new version of the mail does not have goes when that version answers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Sum

from apps.core.errors import AppError, ErrorCode
from apps.core.leases import LeaseLost
from apps.documents import services
from apps.documents.arrival.members import limits_in, named
from apps.documents.arrival.removed import removed_by_hand
from apps.documents.models import Document, DocumentVersion, IngestRun
from apps.documents.runs.leases import Work
from apps.engines.archives import Member, Unpacked, UnpackLimits
from apps.engines.media_types import MediaType
from apps.permissions.scope import current_scope, entered

_MAILS = frozenset({MediaType.EML, MediaType.MBOX, MediaType.MSG})
# Mails in mails: deeper ones are read inside of the one that holds them.
DEEPEST = 3


def are_apart(version: DocumentVersion) -> bool:
    """Whether files in this version become documents."""
    return version.media_type in _MAILS and _depth(version.document) < DEEPEST


def _depth(document: Document) -> int:
    depth, above = 0, document.parent_id
    while above is not None and depth < DEEPEST:
        depth += 1
        above = Document.with_deleted.values_list("parent_id", flat=True).get(pk=above)
    return depth


def limits(folder: Path, version: DocumentVersion) -> UnpackLimits:
    """What may come out of a mail, into this folder: what the other mails of the same tree have not
    used. A mail in a mail does not begin anew."""
    size, members = _used(version.document)
    whole = limits_in(folder)
    return replace(
        whole,
        most_total=max(whole.most_total - size, 0),
        most_members=max(whole.most_members - members, 0),
    )


def _used(document: Document) -> tuple[int, int]:
    """Bytes and number of what hangs on the outermost mail, without what hangs on this one, which
    is counted as it comes out."""
    top = document
    while top.parent_id is not None:
        top = Document.with_deleted.get(pk=top.parent_id)
    attached: set[UUID] = set()
    level = {top.pk}
    while level:
        below = Document.objects.filter(parent__in=level - {document.pk})
        level = set(below.values_list("pk", flat=True)) - attached
        attached |= level
    newest = Document.objects.filter(pk__in=attached)
    size = newest.annotate(last=Max("versions__size")).aggregate(all=Sum("last"))["all"]
    return size or 0, len(attached)


def take_in(work: Work, found: Unpacked) -> None:
    """Add what came out of a mail. Raises LeaseLost, or OSError when the disk is full."""
    version = work.run.version
    unwanted = set(removed_by_hand(version))
    taken: list[UUID] = []
    left = list(found.left)
    with _as_uploader(work.run):
        for name, member in named(found.members):
            work.extend()
            if name in unwanted:
                left.append((name, ErrorCode.ATTACHMENT_REMOVED))
                continue
            try:
                taken.append(_added(version, name, member).pk)
            except AppError as error:
                if error.status == 507:
                    raise OSError(28, "no room for an attachment") from error
                left.append((name, error.code))
            except Document.DoesNotExist as error:  # the mail was deleted meanwhile
                raise LeaseLost from error
    _note(version, taken, left)


@transaction.atomic
def _note(version: DocumentVersion, taken: list[UUID], left: list[tuple[str, str]]) -> None:
    """Write down what came of them, with what somebody deleted while the others were added."""
    row = DocumentVersion.objects.select_for_update().get(pk=version.pk)
    names = {name for name, _code in left}
    left += [(n, ErrorCode.ATTACHMENT_REMOVED) for n in removed_by_hand(row) if n not in names]
    said: dict[str, Any] = {"taken": [str(pk) for pk in taken], "left": left}
    DocumentVersion.objects.filter(pk=version.pk).update(
        attachments=said if taken or left else None
    )


def _added(version: DocumentVersion, name: str, member: Member) -> Document:
    mail = version.document
    added = services.add_version(
        collection=version.collection,
        file=member.path,
        name=name,
        metadata=mail.metadata,
        keeps_folders=True,
        parent=mail,
    )
    return added.document


@contextmanager
def _as_uploader(run: IngestRun) -> Iterator[None]:
    """In the turn and the name of whoever brought the mail. Their rights were asked for then."""
    is_unattended = run.priority != IngestRun.Priority.PERSON
    person = run.version.created_by_id
    with entered(replace(current_scope(), actor_id=person, is_unattended=is_unattended)):
        yield


def settle(version: DocumentVersion) -> None:
    """The version answers now: what is not attached to it any more goes, as with the old one."""
    said = version.attachments or {}
    # What is attached and could not be taken in this time stays as it was.
    failed = [name for name, code in said.get("left", []) if code != ErrorCode.ATTACHMENT_REMOVED]
    gone = Document.objects.filter(parent_id=version.document_id)
    gone = gone.exclude(pk__in=said.get("taken", []))
    for document in gone.exclude(versions__filename__in=failed):
        services.delete_document(document=document, is_by_hand=False)
