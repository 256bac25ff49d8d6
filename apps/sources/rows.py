"""What was kept of a source in earlier runs."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from apps.documents.models import Document
from apps.sources.connectors.base import Known
from apps.sources.models import Source, SourceEntry


@dataclass(slots=True)
class Row:
    """What is kept of an entry, and whether its document still is there."""

    pk: UUID
    name: str
    known: Known
    document_id: UUID | None
    sha256: str
    code: str
    is_archive: bool = False
    archive_id: UUID | None = None

    @property
    def is_removed_by_hand(self) -> bool:
        return self.document_id is None and bool(self.sha256) and not self.is_archive

    @property
    def document(self) -> Document | None:
        """Its document, if that is there."""
        if self.document_id is None:
            return None
        return Document.objects.filter(pk=self.document_id).first()


def rows_of(source: Source) -> dict[str, Row]:
    """What was kept of the source, by key; a document that was deleted is none."""
    found = SourceEntry.objects.filter(source=source).values_list(
        *("key", "pk", "name", "fingerprint", "memory", "document_id", "document__deleted_at"),
        *("sha256", "code", "is_archive", "archive_id"),
        named=True,
    )
    return {
        each.key: Row(
            pk=each.pk,
            name=each.name,
            known=Known(each.fingerprint, each.memory),
            document_id=None if each.document__deleted_at else each.document_id,
            sha256=each.sha256,
            code=each.code,
            is_archive=each.is_archive,
            archive_id=each.archive_id,
        )
        for each in found
    }


def by_archive(rows: Mapping[str, Row]) -> dict[UUID, list[tuple[str, Row]]]:
    """The members of each archive, with their keys."""
    found: dict[UUID, list[tuple[str, Row]]] = defaultdict(list)
    for key, row in rows.items():
        if row.archive_id is not None:
            found[row.archive_id].append((key, row))
    return found
