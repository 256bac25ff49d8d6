"""The pipeline's whole contract with the outside: frozen values and five small protocols.

Nothing here knows Django, HTTP or a vendor. ``apps.engines.adapters`` and ``parsers`` implement the
protocols; one conformance suite in ``tests/contracts`` runs over every implementation.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class BlockKind(StrEnum):
    """What a block is on its page. Tables keep one row per line of ``text``."""

    TITLE = "title"
    TEXT = "text"
    LIST_ITEM = "list_item"
    TABLE = "table"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, as fractions (0 to 1) of page width and height, origin top left."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of parser output in reading order.

    ``page`` counts from 1 (None: the format has no pages). ``level`` is 1 to 6 for a TITLE, else 0.
    ``header`` is the first row of a TABLE, or rows, repeated in every chunk that is cut from it.
    ``confidence`` (0 to 1) is of text that was recognised in a picture; None: it was read.
    """

    kind: BlockKind
    text: str
    page: int | None = None
    level: int = 0
    boxes: tuple[Box, ...] = ()
    header: str = ""
    sheet: str = ""
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How blocks become chunks. Sizes are in estimated tokens (see ``apps.rag.chunk``)."""

    size: int = 320
    overlap: int = 0
    headings: bool = True


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is embedded. ``id`` is uuid5(version, recipe, ordinal): the same on every run.

    ``text`` is what a reader sees and a citation quotes; ``headings`` is the path of titles above
    it; ``embed_text`` (a property) is what the embedder and the full-text side are given.
    """

    id: str
    ordinal: int
    text: str
    page: int | None
    headings: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()

    @property
    def embed_text(self) -> str:
        """The text with its heading path in front, one per line."""
        return "\n".join((*self.headings, self.text))


@dataclass(frozen=True, slots=True)
class EmbeddedChunk:
    """A chunk as it goes into an index."""

    id: str
    document_id: str
    text: str
    vector: Sequence[float]


@dataclass(frozen=True, slots=True)
class EmbeddedVersion:
    """All chunks of one document version: the only unit in which an index is written."""

    version_id: str
    collection_id: str
    chunks: Sequence[EmbeddedChunk]


@dataclass(frozen=True, slots=True)
class Reach:
    """The collections one search may look into. Empty finds nothing; there is no "everything"."""

    collection_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found by one side of an index. Higher scores are better; sides are not comparable.

    ``is_cjk``: its script (``apps.rag.language.is_cjk``); None where the index does not say.
    """

    chunk_id: str
    version_id: str
    score: float
    is_cjk: bool | None = None


class Side(StrEnum):
    DENSE = "dense"
    KEYWORD = "keyword"


@dataclass(frozen=True, slots=True)
class FusedHit:
    """A chunk with its fused score and, per side that found it, (rank from 1, raw score)."""

    chunk_id: str
    version_id: str
    score: float
    ranks: dict[Side, tuple[int, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edited:
    """That a person changed a passage, or added it: who, when (ISO 8601), what was read ("": it
    was added)."""

    by: str
    at: str
    original: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk on its way into an answer: text re-read from SQL through the asker's scope.

    ``around`` is the text with what stands beside it, for the model; empty: the text alone.
    """

    chunk_id: str
    version_id: str
    document_id: str
    document_name: str
    collection_id: str
    text: str
    page: int | None
    headings: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()
    score: float = 0.0
    ordinal: int = 0
    edited: Edited | None = None
    around: str = ""


class Speaker(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that a model wants called. ``arguments`` is JSON as the model wrote it: it may be
    broken, and nothing here reads it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message to a language model. ``calls`` are of the ASSISTANT; ``answers`` is the id of the
    call whose result a TOOL's text is."""

    speaker: Speaker
    text: str
    calls: tuple[ToolCall, ...] = ()
    answers: str = ""


class DeltaKind(StrEnum):
    TEXT = "text"
    THINKING = "thinking"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class CallPart:
    """To which call of an answer, counted from 0, a piece of arguments belongs. The first piece of
    each has its ``id`` and ``name``."""

    index: int
    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the engine counted them."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed answer. THINKING never enters citations, history or exports; the text of
    a CALL is a piece of its arguments.

    The last delta of a stream may have an empty text and carry ``usage`` and ``finish``
    ("stop", "length", ...).
    """

    text: str
    kind: DeltaKind = DeltaKind.TEXT
    usage: Usage | None = None
    finish: str = ""
    call: CallPart | None = None

    @property
    def is_word(self) -> bool:
        """Whether the answer has begun with this: what was said is never said twice."""
        return bool(self.text or self.call)


class EngineError(Exception):
    """An engine could not do its work. ``code`` is for users, ``str(error)`` for the log only."""

    code = "ENGINE_ERROR"


class EngineUnavailable(EngineError):
    """The server is not there, refuses, or times out: worth another try later."""

    code = "ENGINE_UNAVAILABLE"


class EngineBusy(EngineError):
    """The server is full (429/503). ``retry_after`` in seconds. ``is_ours``: there was no place on
    this side, which says nothing about the server."""

    code = "ENGINE_BUSY"

    def __init__(
        self, message: str = "", *, retry_after: float = 1.0, is_ours: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.is_ours = is_ours


class EngineRejected(EngineError):
    """The server understood and will not do it (bad key, unknown model, prompt too long)."""

    code = "ENGINE_REJECTED"


class ParseError(Exception):
    """A file cannot be read, for a reason a person can act on: ENCRYPTED, EMPTY, UNREADABLE,
    UNSUPPORTED, TOO_COSTLY. Never retried."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code


class Parser(Protocol):
    """Reads one file into blocks in reading order; keeps no state; raises ParseError."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]: ...


class Embedder(Protocol):
    """Turns texts into normalised vectors of ``dimensions`` floats; raises EngineError."""

    @property
    def dimensions(self) -> int: ...
    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]: ...
    def embed_query(self, text: str) -> list[float]: ...


class Reranker(Protocol):
    """Scores passages against a query, one float each, higher is better; raises EngineError."""

    def score(self, query: str, passages: Sequence[str]) -> list[float]: ...


class Index(Protocol):
    """Dense and keyword side in one row: one write, one delete, nothing to keep in step."""

    def add(self, versions: Sequence[EmbeddedVersion]) -> None:
        """Many at once; a version added twice is there once; adding replaces that version."""

    def drop(self, version_ids: Collection[str]) -> None:
        """Remove whole versions. Unknown ids are no error."""

    def count(self, version_id: str) -> int:
        """Rows of one version: what publish compares before a version becomes current."""

    def by_vector(self, vector: Sequence[float], reach: Reach, *, limit: int) -> list[Hit]: ...
    def by_words(self, text: str, reach: Reach, *, limit: int) -> list[Hit]: ...


class Generator(Protocol):
    """Streams an answer. One form, a stream; a blocking answer is its sum. Raises EngineError."""

    def stream(self, turns: Sequence[Turn], *, max_tokens: int) -> AsyncIterator[Delta]: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """Functions of the asking program that the model may want called, as JSON in OpenAI's shape.
    ``choice`` "" and ``in_parallel`` None: as the server has it."""

    offered: str
    choice: str = ""
    in_parallel: bool | None = None


@dataclass(frozen=True, slots=True)
class Tuning:
    """What an asker wants of the wording beyond the installation's settings; nothing by default.

    ``stop``: texts before which the answer ends; they are not part of it.
    """

    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    tools: Tools | None = None


UNTUNED = Tuning()


class TunableGenerator(Generator, Protocol):
    """A generator that can be had with an asker's wishes, beside the one that it is."""

    def tuned(self, tuning: Tuning) -> Generator: ...


class Judge(Protocol):
    """A language model asked for a yes or a no; raises EngineError."""

    async def odds(
        self, turns: Sequence[Turn], *, yes: Collection[str], no: Collection[str]
    ) -> float:
        """Natural logarithm of the odds that the answer begins with one of ``yes`` and not of ``no``
        (words in lower case)."""
        ...
