"""What a program may do over MCP: search, fetch, ask. Each within the rights of whoever calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from apps.chat import services
from apps.chat.running import Collected
from apps.core.errors import AppError, ErrorCode
from apps.core.ids import as_uuid
from apps.dialects.citing import address, passage_address
from apps.dialects.rooms import EVERYWHERE, room_of
from apps.documents.models import Chunk, Document
from apps.search.reach import named_collections
from apps.search.serializers import LONGEST_QUERY
from apps.search.services import search as find
from apps.workspaces.models import Collection

MOST_FOUND = 50
# Characters of one document that a call gives; the rest with `offset`.
LONGEST_TEXT = 40_000
_Words = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_QUERY)]


@dataclass(frozen=True, slots=True)
class Link:
    """A page of this installation that a result speaks of."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool found: words for a model, the same as data, and what can be opened."""

    text: str
    data: dict[str, Any]
    links: Sequence[Link] = ()


class _Arguments(BaseModel):
    """A misspelt name would widen a search: it is refused."""

    model_config = ConfigDict(extra="forbid")


class SearchArguments(_Arguments):
    query: _Words = Field(description="What to look for, in words or as a question.")
    workspace: str = Field(
        "", max_length=60, description="Slug of one workspace; empty: all that you may use."
    )
    collections: list[UUID] = Field(
        default_factory=list, max_length=500, description="Ids; empty: all that you may read."
    )
    limit: int = Field(10, ge=1, le=MOST_FOUND)


class FetchArguments(_Arguments):
    id: str = Field(max_length=60, description="Of a document or of a passage that was found.")
    offset: int = Field(0, ge=0, description="Characters to pass over, from `next_offset`.")


class AskArguments(_Arguments):
    question: _Words
    workspace: str = Field(
        "", max_length=60, description="Slug of one workspace; empty: all that you may use."
    )
    collections: list[UUID] = Field(default_factory=list, max_length=500)


def search(wanted: SearchArguments) -> Result:
    """The best passages, with the pages that they stand on."""
    found = find(
        question=wanted.query,
        collections=named_collections(
            workspaces=[wanted.workspace] if wanted.workspace else [],
            collections=wanted.collections,
        ),
        limit=wanted.limit,
    )
    results = [
        {
            "id": passage.chunk_id,
            "document": passage.document_id,
            "title": passage.document_name,
            "page": passage.page,
            "headings": list(passage.headings),
            "text": passage.text,
            "url": passage_address(passage),
        }
        for passage in found.passages
    ]
    lines = [
        f"[{n}] {each['title']}{_page(each)}\n{each['text']}" for n, each in _numbered(results)
    ]
    return Result("\n\n".join(lines) or "Nothing was found.", {"results": results}, _links(results))


def _numbered(rows: Sequence[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    return list(enumerate(rows, start=1))


def _page(row: dict[str, Any]) -> str:
    return f", page {row['page']}" if row["page"] else ""


def _links(rows: Sequence[dict[str, Any]]) -> list[Link]:
    """Each page once."""
    by_url = {row["url"]: Link(row["title"] + _page(row), row["url"]) for row in rows if row["url"]}
    return list(by_url.values())


def fetch(wanted: FetchArguments) -> Result:
    """The text of a document; of a passage, the text of its document from there on."""
    pk = as_uuid(wanted.id) or UUID(int=0)
    chunk = Chunk.objects.filter(pk=pk).first()
    document = Document.objects.get(pk=chunk.document_id if chunk else pk)
    rows = Chunk.objects.filter(document=document, version=document.current_id)
    if document.current:
        rows = rows.filter(cut=document.current.cut)
    texts = [(row.pk, row.text) for row in rows.order_by("ordinal")]
    whole = "\n\n".join(text for _pk, text in texts)
    start = wanted.offset or _offset(texts, pk)
    end = start + LONGEST_TEXT
    url = address(f"/d/{document.pk}")
    data = {
        "id": str(document.pk),
        "title": document.name,
        "text": whole[start:end],
        "url": url,
        "offset": start,
        "next_offset": end if end < len(whole) else None,
        "metadata": document.metadata,
    }
    return Result(f"{document.name}\n\n{whole[start:end]}", data, [Link(document.name, url)])


def _offset(texts: Sequence[tuple[UUID, str]], pk: UUID) -> int:
    """Where a passage begins in the joined text; 0 for any other id."""
    at = 0
    for chunk_id, text in texts:
        if chunk_id == pk:
            return at
        at += len(text) + 2
    return 0


def opened(wanted: AskArguments) -> services.Opened:
    """A question that was accepted."""
    room = room_of(f"{EVERYWHERE}/{wanted.workspace}" if wanted.workspace else EVERYWHERE)
    collections: list[UUID] | None = None
    if wanted.collections:
        if Collection.objects.filter(pk__in=wanted.collections).count() != len(
            set(wanted.collections)
        ):
            raise AppError(ErrorCode.NOT_FOUND, status=404)
        collections = wanted.collections
    return services.ask(
        question=wanted.question,
        workspace=room.workspace,
        collection_ids=collections,
        is_passing=True,
    )


def answered(said: Collected) -> Result:
    """An answer with the pages that it cites. Raises AppError where there is none."""
    if said.error_code:
        raise AppError(ErrorCode(said.error_code))
    cited = [source for source in said.sources if source["number"] in said.cited]
    citations = [
        {
            "number": source["number"],
            "document": source["document"],
            "title": source["document_name"],
            "page": source["page"],
            "quote": source["quote"],
            "url": address(source["url"]) if source["url"] else "",
        }
        for source in cited
    ]
    lines = [
        f"[{each['number']}] {each['title']}{_page(each)}: {each['url']}" for each in citations
    ]
    text = "\n\n".join(part for part in (said.text, "\n".join(lines)) if part)
    data = {"answer": said.text, "refused": said.is_refused, "citations": citations}
    return Result(text, data, _links(citations))
