"""Passages of a version as pages and the API show them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.documents.models import Chunk, Document, DocumentVersion
from apps.documents.passages.models import PassageEdit
from apps.permissions.scope import current_scope
from apps.rag.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL, CHANGED = "", "changed"


@dataclass(frozen=True, slots=True)
class Shown:
    """A passage with what is said of it. ``number``: which of its changes one sees (0: none)."""

    chunk: Chunk
    tokens: int
    number: int

    @property
    def edit(self) -> PassageEdit | None:
        """What a person made of it, where that makes a difference."""
        edit = self.chunk.edit
        return edit if edit is not None and edit.is_changed else None

    @property
    def is_added(self) -> bool:
        return self.edit is not None and self.edit.is_added

    @property
    def is_edited(self) -> bool:
        return bool(self.chunk.origin)


def passages_of(version: DocumentVersion, *, words: str = "", show: str = ALL) -> QuerySet[Chunk]:
    """In reading order. Disabled ones are there for those who can enable them, and for nobody
    else."""
    may_write = current_scope().may_write(version.collection_id)
    manager = Chunk.with_disabled if may_write else Chunk.objects
    rows = manager.filter(version=version, cut=version.cut)
    if words:
        rows = rows.filter(text__icontains=words)
    if show == CHANGED:
        differs = Q(is_disabled=True) | Q(edit__is_added=True) | ~Q(edit__text=F("edit__origin"))
        rows = rows.filter(differs, edit__isnull=False)
    return rows.select_related("edit").order_by("ordinal")


def shown(rows: "Iterable[Chunk]") -> list[Shown]:
    return [
        Shown(row, estimate_tokens(row.text), row.edit.number if row.edit else 0) for row in rows
    ]


def passage(document: Document, chunk_id: UUID) -> Shown:
    """One passage of the version that is searched. Raises DoesNotExist."""
    if document.current_id is None:
        raise Chunk.DoesNotExist
    version = DocumentVersion.objects.get(pk=document.current_id)
    return shown([passages_of(version).get(pk=chunk_id)])[0]
