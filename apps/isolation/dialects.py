"""The same questions as programs of others ask them: OpenAI's dialect and MCP.

``/v1/embeddings`` and ``/v1/rerank`` answer from the texts of the request alone and are not asked;
addresses of files and stores are among those that ``walk`` finds.
"""

from dataclasses import replace
from typing import Any

from apps.isolation.caller import Caller, Seen
from apps.isolation.entries import Ask, Entry, Wanted, parsed
from apps.isolation.looks import events_in

_EVERYWHERE = "footnote"


def _completion(wanted: Wanted) -> dict[str, Any]:
    return {"model": _EVERYWHERE, "messages": [{"role": "user", "content": wanted.words}]}


def _chat(caller: Caller, wanted: Wanted) -> Seen:
    return caller.post("/v1/chat/completions", _completion(wanted))


def _streamed_chat(caller: Caller, wanted: Wanted) -> Seen:
    return caller.post_to_asgi("/v1/chat/completions", {**_completion(wanted), "stream": True})


def _store_search(caller: Caller, wanted: Wanted) -> Seen:
    """In the store of what is wanted."""
    return _searched(caller, wanted.target.collection.hex, wanted.words)


def _own_store_search(caller: Caller, wanted: Wanted) -> Seen:
    """In a store that the visitor may search, for what is in another one."""
    return _searched(caller, wanted.place.collection.hex, wanted.words)


def _searched(caller: Caller, store: str, words: str) -> Seen:
    body = {"query": words, "max_num_results": 20}
    seen = caller.post(f"/v1/vector_stores/vs_{store}/search", body)
    return replace(seen, counts={"hits": len(parsed(seen).get("data", []))})


def _tool(name: str, **arguments: Any) -> dict[str, Any]:
    call = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}


def _mcp_search(caller: Caller, wanted: Wanted) -> Seen:
    seen = caller.post_to_asgi("/mcp", _tool("search", query=wanted.words, limit=20))
    return replace(seen, counts={"hits": sum(map(_hits, events_in(seen.content)))})


def _hits(event: Any) -> int:
    try:
        return len(event["result"]["structuredContent"]["results"])
    except (KeyError, TypeError):
        return 0


def _mcp_fetch(of: str) -> Ask:
    def ask(caller: Caller, wanted: Wanted) -> Seen:
        return caller.post_to_asgi("/mcp", _tool("fetch", id=str(getattr(wanted.target, of))))

    return ask


def _mcp_ask(caller: Caller, wanted: Wanted) -> Seen:
    return caller.post_to_asgi("/mcp", _tool("ask", question=wanted.words))


ENTRIES: list[Entry] = [
    Entry("/v1 chat", _chat, every=16, is_compared=False),
    Entry("/v1 chat, streamed", _streamed_chat, is_for_sessions=False, every=16, is_compared=False),
    Entry("/v1 vector store search", _store_search, names=True, every=6),
    Entry("/v1 search of one's own vector store", _own_store_search, at="collection", every=4),
    Entry("MCP search", _mcp_search, is_for_sessions=False, every=2),
    Entry(
        "MCP fetch of a document",
        _mcp_fetch("document"),
        is_for_sessions=False,
        names=True,
        every=12,
    ),
    Entry(
        "MCP fetch of a passage", _mcp_fetch("chunk"), is_for_sessions=False, names=True, every=12
    ),
    Entry("MCP ask", _mcp_ask, is_for_sessions=False, every=16, is_compared=False),
]
