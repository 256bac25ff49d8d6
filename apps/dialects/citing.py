"""The sources of an answer as OpenAI's annotations: where a mark stands, and what it opens."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urljoin

from django.conf import settings

from apps.chat.frames import Source
from apps.chat.sources import reader_address
from apps.rag.cite import Mark, parse
from apps.rag.ports import Passage


def address(url: str) -> str:
    """A page of this installation, as it is opened from outside."""
    return urljoin(settings.PUBLIC_URL + "/", url.lstrip("/"))


def passage_address(passage: Passage) -> str:
    """The reader, opened at a passage that was found."""
    return address(
        reader_address(
            document=passage.document_id,
            version=passage.version_id,
            chunk=passage.chunk_id,
            page=passage.page,
        )
    )


def annotations(text: str, sources: Sequence[Source], cited: Sequence[int]) -> list[dict[str, Any]]:
    """One ``url_citation`` for each mark in ``text``; a cited source without a mark there (it was
    settled once the whole answer was known) stands at its end."""
    by_number = {source["number"]: source for source in sources if source["url"]}
    placed = list(_marks(text, len(sources)))
    missing = set(cited) - {number for number, _start, _end in placed}
    placed += [(number, len(text), len(text)) for number in sorted(missing)]
    return [
        _annotation(by_number[number], start, end)
        for number, start, end in placed
        if number in by_number
    ]


def _marks(text: str, count: int) -> Iterator[tuple[int, int, int]]:
    """(number, start, end) of each mark; ``text`` has them as ``[n]``."""
    at = 0
    for part in parse(text, count):
        end = at + len(part.text)
        if isinstance(part, Mark):
            yield part.number, at, end
        at = end


def _annotation(source: Source, start: int, end: int) -> dict[str, Any]:
    page = f" ({source['page']})" if source["page"] else ""
    return {
        "type": "url_citation",
        "url_citation": {
            "start_index": start,
            "end_index": end,
            "title": source["document_name"] + page,
            "url": address(source["url"]),
        },
    }


def sources_out(sources: Sequence[Source], cited: Sequence[int]) -> list[dict[str, Any]]:
    """All that the model was given, for programs that show it."""
    return [
        {
            "number": source["number"],
            "is_cited": source["number"] in cited,
            "document": source["document"],
            "document_name": source["document_name"],
            "collection": source["collection"],
            "page": source["page"],
            "quote": source["quote"],
            "url": address(source["url"]) if source["url"] else "",
        }
        for source in sources
    ]
