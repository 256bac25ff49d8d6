"""Passages and stored citations in the form in which they are sent and shown."""

from collections.abc import Collection
from dataclasses import asdict
from urllib.parse import urlencode
from uuid import UUID

from apps.chat.frames import Edited, Source
from apps.chat.models import Citation, Turn
from apps.documents.models import Document
from apps.rag.prompt import Source as Numbered
from apps.search.highlight import highlights


def citation_of(turn_id: UUID, owner_id: UUID, source: Numbered) -> Citation:
    """The row that keeps a source of a turn."""
    passage = source.passage
    around = source.text if passage.around else ""
    return Citation(
        owner_id=owner_id,
        turn_id=turn_id,
        number=source.number,
        chunk_id=UUID(passage.chunk_id),
        version_id=UUID(passage.version_id),
        document_id=UUID(passage.document_id),
        collection_id=UUID(passage.collection_id),
        document_name=passage.document_name,
        page=passage.page,
        headings=list(passage.headings),
        boxes=[[box.page, box.x0, box.y0, box.x1, box.y1] for box in passage.boxes],
        quote=passage.text,
        around=around if around != passage.text else "",
        edited=asdict(passage.edited) if passage.edited else {},
        score=passage.score,
    )


def source_of(citation: Citation, question: str, alive: Collection[UUID]) -> Source:
    """A citation for a reader. Of a document that is not among the ``alive`` only the number and
    the ids are left: what was deleted is not quoted."""
    is_alive = citation.document_id in alive and bool(citation.quote)
    quote = citation.quote if is_alive else ""
    return {
        "number": citation.number,
        "chunk": str(citation.chunk_id),
        "document": str(citation.document_id),
        "document_name": citation.document_name if is_alive else "",
        "collection": str(citation.collection_id),
        "page": citation.page,
        "headings": list(citation.headings) if is_alive else [],
        "boxes": [list(box) for box in citation.boxes] if is_alive else [],
        "quote": quote,
        "around": citation.around if is_alive else "",
        "edited": _edited(citation) if is_alive else None,
        "marks": [[start, end] for start, end in highlights(quote, question)],
        "url": _address(citation) if is_alive else "",
    }


def _edited(citation: Citation) -> Edited | None:
    said = citation.edited
    if not said:
        return None
    return {"by": said["by"], "at": said["at"], "original": said["original"]}


def sources_of(turn: Turn) -> list[Source]:
    """The sources of one turn, for whoever may read the turn."""
    citations = list(Citation.objects.filter(turn=turn).order_by("number"))
    alive = living_documents(citations)
    return [source_of(citation, turn.question, alive) for citation in citations]


def living_documents(citations: Collection[Citation]) -> frozenset[UUID]:
    """Which of the cited documents still exist and may be opened by the current scope."""
    ids = {citation.document_id for citation in citations}
    return frozenset(Document.objects.filter(pk__in=ids).values_list("pk", flat=True))


def _address(citation: Citation) -> str:
    return reader_address(
        document=citation.document_id,
        version=citation.version_id,
        chunk=citation.chunk_id,
        page=citation.page,
    )


def reader_address(
    *, document: UUID | str, version: UUID | str, chunk: UUID | str, page: int | None
) -> str:
    """The reader, opened at a passage (the route ``documents:document``)."""
    query: dict[str, object] = {"v": version, "chunk": chunk}
    if page is not None:
        query["page"] = page
    return f"/d/{document}?{urlencode(query)}"
