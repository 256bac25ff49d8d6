"""What stands around found passages, for collections that give the model more than was found."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q

from apps.documents.models import Chunk
from apps.documents.passages.models import CollectionRecipe
from apps.rag.parents import REACH, Neighbour, with_parents
from apps.rag.ports import Passage


def widened(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """The passages with ``around``, read from SQL through the scoped manager: neighbours that
    somebody disabled, or that the asker may not read, are not there."""
    sizes = _sizes({passage.collection_id for passage in passages})
    wanted = [passage for passage in passages if passage.collection_id in sizes]
    if not wanted:
        return tuple(passages)
    rows = _near(wanted)
    cuts = {str(row.pk): row.cut for row in rows}
    near = {
        passage.chunk_id: [
            Neighbour(str(row.pk), row.ordinal, tuple(row.headings), row.text)
            for row in rows
            if _is_near(row, passage, cuts.get(passage.chunk_id, ""))
        ]
        for passage in wanted
    }
    return with_parents(passages, near, sizes)


def _sizes(collection_ids: set[str]) -> dict[str, int]:
    rows = CollectionRecipe.objects.filter(collection_id__in=collection_ids, parent__gt=0)
    return {str(pk): parent for pk, parent in rows.values_list("collection_id", "parent")}


def _near(passages: Sequence[Passage]) -> list[Chunk]:
    places = Q(pk__in=[])
    for passage in passages:
        span = (max(0, passage.ordinal - REACH), passage.ordinal + REACH)
        places |= Q(version_id=UUID(passage.version_id), ordinal__range=span)
    return list(Chunk.objects.filter(places).defer("boxes", "origin"))


def _is_near(row: Chunk, passage: Passage, cut: str) -> bool:
    is_same = str(row.version_id) == passage.version_id and row.cut == cut
    return is_same and abs(row.ordinal - passage.ordinal) <= REACH
