"""Which parser, embedder, index, reranker and generator serve this process.

Engines are built on first use and kept until the rows or settings they were built from change;
rows are looked at again at most every two seconds. Heavy imports stay inside the functions.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast
from uuid import UUID

from django.conf import settings

from apps.core.sealing import unseal
from apps.engines.adapters.index_values import IndexStore
from apps.engines.centres import centre
from apps.engines.models import EmbeddingProfile, Endpoint
from apps.engines.parsers.sandbox import Limits, SandboxParser
from apps.engines.profiles import current_profile
from apps.rag.centre import CentredEmbedder
from apps.rag.ports import (
    UNTUNED,
    Embedder,
    Generator,
    Reranker,
    TunableGenerator,
    Tuning,
)

if TYPE_CHECKING:
    from apps.engines.adapters.fake import HashEmbedder, ScriptedGenerator
    from apps.engines.adapters.memory_index import MemoryIndex

T = TypeVar("T")
REFRESH_S = 2.0


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """Which language model answers and how much it is given. ``context_tokens`` is the budget for
    sources and history of one question. ``may_refuse``: it can tell whether sources answer; the
    small one that comes with the product cannot (see ``apps.rag.evidence``)."""

    model: str
    context_tokens: int
    max_tokens: int
    base_url: str
    is_local: bool
    may_refuse: bool = True


@dataclass(slots=True)
class Fakes:
    """The engines of a process with ``KB_ENGINES=fake``; tests reach into them."""

    embedder: "HashEmbedder"
    index: "MemoryIndex"
    generator: "ScriptedGenerator"
    reranker: Reranker | None = None
    tables: "dict[UUID, MemoryIndex]" = field(default_factory=dict)

    def table_of(self, profile: EmbeddingProfile) -> "MemoryIndex":
        """The table of a profile; that of the first one asked for is ``index``."""
        new = type(self.index)() if self.tables else self.index
        return self.tables.setdefault(profile.pk, new)


@dataclass(frozen=True, slots=True)
class _Server:
    """Where one kind of model is asked. Equal values mean the same engine."""

    base_url: str
    model: str
    api_key: str = field(default="", repr=False)
    context_tokens: int = 0
    max_tokens: int = 0
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class _Wiring:
    """Everything that rows and settings say about engines, read in two queries."""

    profile: EmbeddingProfile
    servers: dict[str, _Server]

    def embeds(self, profile: EmbeddingProfile) -> _Server:
        """The server that embeds for a profile, current or not."""
        if profile.endpoint is not None:
            return _server_of(profile.endpoint)
        return self.servers[Endpoint.Kind.EMBEDDINGS]


_lock = threading.RLock()
_built: dict[str, tuple[object, object]] = {}
_wiring: tuple[float, _Wiring] | None = None
_fakes: Fakes | None = None


def parser() -> SandboxParser:
    """The reader of files of every type; it works in a child process with limits."""
    limits = Limits(
        seconds=settings.PARSE_SECONDS,
        memory_bytes=settings.PARSE_MEMORY_BYTES,
        pages=settings.OCR_PAGES,
        threads=settings.OCR_THREADS,
    )
    return _kept("parser", limits, lambda: SandboxParser(limits))


def embedder(profile: EmbeddingProfile | None = None) -> Embedder:
    """The embedder of the current profile, or of the given one."""
    if _is_fake():
        return fakes().embedder
    wanted = profile or wiring().profile
    server = wiring().embeds(wanted)

    def build() -> Embedder:
        from apps.engines.adapters.openai_compatible import RemoteEmbedder

        remote = RemoteEmbedder(
            server.base_url,
            model=wanted.model,
            dimensions=wanted.dimensions,
            api_key=server.api_key,
            query_prefix=wanted.query_prefix,
            passage_prefix=wanted.passage_prefix,
        )
        return CentredEmbedder(remote, centre(wanted.centre)) if wanted.centre else remote

    return _kept(f"embedder {wanted.pk}", (server, wanted.pk), build)


def index(profile: EmbeddingProfile | None = None) -> IndexStore:
    """The table of the current profile, or of the given one, behind the index host."""
    wanted = profile or wiring().profile
    if _is_fake():
        return fakes().table_of(wanted)

    def build() -> IndexStore:
        from apps.engines.adapters.remote_index import RemoteIndex

        return RemoteIndex(
            settings.INDEX_HOST_URL,
            token=settings.INDEX_HOST_TOKEN,
            profile=f"p{wanted.pk.hex[:16]}",
            dimensions=wanted.dimensions,
        )

    return _kept(f"index {wanted.pk}", (settings.INDEX_HOST_URL, wanted.pk), build)


def reranker() -> Reranker | None:
    """The reranker, where an administrator named one."""
    if _is_fake():
        return fakes().reranker
    server = wiring().servers.get(Endpoint.Kind.RERANK)
    if server is None:
        return None

    def build() -> Reranker:
        from apps.engines.adapters.openai_compatible import RemoteReranker

        return RemoteReranker(server.base_url, model=server.model, api_key=server.api_key)

    return _kept("reranker", server, build)


def reranker_name() -> str:
    """The model that reranks; "" where nobody named one."""
    if _is_fake():
        return "overlap" if fakes().reranker else ""
    server = wiring().servers.get(Endpoint.Kind.RERANK)
    return server.model if server else ""


def generator(model: str = "") -> Generator:
    """The language model; ``model`` asks the same server for another one by name."""
    if _is_fake():
        return fakes().generator
    server = wiring().servers[Endpoint.Kind.CHAT]
    name = model or server.model

    def build() -> Generator:
        from apps.engines.adapters.openai_compatible import OpenAIGenerator

        return OpenAIGenerator(server.base_url, model=name, api_key=server.api_key)

    return _kept(f"generator {name}", (server, name), build)


def chat_settings() -> ChatSettings:
    """What the chat must know about the language model in use."""
    if _is_fake():
        return ChatSettings("scripted", 6000, settings.LLM_MAX_TOKENS, "", is_local=True)
    server = wiring().servers[Endpoint.Kind.CHAT]
    return ChatSettings(
        server.model,
        server.context_tokens,
        server.max_tokens,
        server.base_url,
        server.is_local,
        may_refuse=not server.is_local,
    )


def generator_at(endpoint: Endpoint, model: str = "") -> Generator:
    """The language model of one server, in use or not."""
    server, name = _server_of(endpoint), model or endpoint.model

    def build() -> Generator:
        from apps.engines.adapters.openai_compatible import OpenAIGenerator

        return OpenAIGenerator(server.base_url, model=name, api_key=server.api_key)

    return _kept(f"generator {endpoint.pk} {name}", (server, name), build)


def tuned(engine: Generator, tuning: Tuning) -> Generator:
    """A language model with an asker's wishes for the wording."""
    return engine if tuning == UNTUNED else cast("TunableGenerator", engine).tuned(tuning)


def fakes() -> Fakes:
    """The fake engines of this process; the same objects on every call until ``reset``."""
    global _fakes  # noqa: PLW0603 - one set per process
    from apps.engines.adapters.fake import HashEmbedder, ScriptedGenerator
    from apps.engines.adapters.memory_index import MemoryIndex

    with _lock:
        if _fakes is None:
            _fakes = Fakes(
                HashEmbedder(settings.EMBEDDINGS_DIMENSIONS), MemoryIndex(), ScriptedGenerator()
            )
        return _fakes


def wiring() -> _Wiring:
    """What rows and settings say now, at most two seconds old."""
    global _wiring  # noqa: PLW0603 - one per process
    with _lock:
        now = time.monotonic()
        if _wiring is None or now - _wiring[0] > REFRESH_S:
            _wiring = (now, _read_wiring())
        return _wiring[1]


def refresh() -> None:
    """Look at the rows again on the next call."""
    global _wiring  # noqa: PLW0603 - one per process
    with _lock:
        _wiring = None


def reset() -> None:
    """Forget every engine, fakes included: each test starts with empty ones."""
    global _fakes  # noqa: PLW0603 - one per process
    with _lock:
        refresh()
        _fakes = None
        for key in [key for key in _built if key != "parser"]:  # a warm parser has no state
            del _built[key]


def _is_fake() -> bool:
    return bool(settings.ENGINES == "fake")


def _kept(name: str, made_of: object, build: Callable[[], T]) -> T:
    """The engine of this name, built again only when what it is made of has changed."""
    with _lock:
        known = _built.get(name)
        if known is None or known[0] != made_of:
            known = (made_of, build())
            _built[name] = known
        return cast("T", known[1])


def _read_wiring() -> _Wiring:
    profile = current_profile()
    servers = {
        str(Endpoint.Kind.CHAT): _Server(
            settings.LLM_BASE_URL,
            settings.LLM_MODEL,
            settings.LLM_API_KEY,
            settings.LLM_CONTEXT_TOKENS,
            settings.LLM_MAX_TOKENS,
            is_local=settings.LLM_IS_LOCAL,
        ),
        str(Endpoint.Kind.EMBEDDINGS): _Server(
            settings.EMBEDDINGS_BASE_URL, settings.EMBEDDINGS_MODEL, settings.EMBEDDINGS_API_KEY
        ),
    }
    # Which server embeds is said by the profile: its vectors are of that model and no other.
    rows = Endpoint.objects.filter(is_active=True, is_beside=False)
    for row in rows.exclude(kind=Endpoint.Kind.EMBEDDINGS):
        servers[str(row.kind)] = _server_of(row)
    return _Wiring(profile, servers)


def _server_of(row: Endpoint) -> _Server:
    return _Server(
        row.base_url,
        row.model,
        unseal(row.sealed_key) if row.sealed_key else "",
        row.context_tokens,
        row.max_tokens,
    )
