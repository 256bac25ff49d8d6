"""What goes over the socket, both ways. ``frontend/src/frames.ts`` mirrors it; a test compares.

Machines get the same server frames as server-sent events.
"""

from typing import Annotated, Literal, NotRequired
from uuid import UUID

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from apps.core.errors import AppError, ErrorCode

LONGEST_QUESTION = 8000
LONGEST_FRAME = 64 * 1024
MOST_COLLECTIONS = 500

# --- server → client ----------------------------------------------------------------------------


class Edited(TypedDict):
    """That a person had changed a passage before it was given to the model, or had added it
    (``original`` is empty)."""

    by: str
    at: str
    original: str


class Source(TypedDict):
    """A passage that the model was given, by its number in the answer.

    ``quote`` is its text as it was then; ``around`` all that the model was shown with it, where
    that is more. ``boxes`` are [page, x0, y0, x1, y1] in fractions of the page; ``marks`` are [start, end] in
    ``quote``. All texts and ``url`` are empty once the document is deleted.
    """

    number: int
    chunk: str
    document: str
    document_name: str
    collection: str
    page: int | None
    headings: list[str]
    boxes: list[list[float]]
    quote: str
    around: str
    edited: Edited | None
    marks: list[list[int]]
    url: str


class Numbered(TypedDict):
    """Every server frame belongs to a turn ("" where a client frame led to none) and has a number
    that grows within the turn: 0 started, 1 sources, then 1 + the characters said so far."""

    turn: str
    n: int


class Started(Numbered):
    type: Literal["started"]
    conversation: str
    title: str
    request: str
    question: str
    parent: str | None
    url: str


class Sources(Numbered):
    """``hidden``: passages that were found and did not fit. ``note``: "", KEYWORD_ONLY (the
    embedder is down: words alone decided) or NOTHING_FOUND."""

    type: Literal["sources"]
    sources: list[Source]
    hidden: int
    note: str


class Delta(Numbered):
    type: Literal["delta"]
    text: str
    kind: Literal["text", "thinking"]


class Done(Numbered):
    """``text`` is final and replaces what was streamed; ``unsupported`` are [start, end] in it."""

    type: Literal["done"]
    text: str
    cited: list[int]
    unsupported: list[list[int]]
    refused: bool
    took_ms: int | None
    first_token_ms: int | None
    model: str


class Stopped(Numbered):
    type: Literal["stopped"]
    text: str
    cited: list[int]


class Error(Numbered):
    """``text`` is what had been said. ``request`` answers a client frame that led to no turn."""

    type: Literal["error"]
    code: str
    message: str
    text: str
    request: str


ServerFrame = Started | Sources | Delta | Done | Stopped | Error
LAST_FRAMES = frozenset({"done", "stopped", "error"})

# --- client → server ----------------------------------------------------------------------------

_Text = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_QUESTION)]
_Request = Annotated[str, StringConstraints(max_length=100)]
_checked = with_config(strict=True, extra="ignore")


@_checked
class Ask(TypedDict):
    """A question. Without a conversation one is made, in ``workspace`` or over all in reach."""

    type: Literal["ask"]
    text: _Text
    conversation: NotRequired[UUID | None]
    workspace: NotRequired[Annotated[str, StringConstraints(max_length=60)] | None]
    collections: NotRequired[Annotated[list[UUID], Field(max_length=MOST_COLLECTIONS)] | None]
    mode: NotRequired[Literal["chat", "documents_only"] | None]
    model: NotRequired[Annotated[str, StringConstraints(max_length=100)] | None]
    parent: NotRequired[UUID | None]
    request: NotRequired[_Request]


@_checked
class Regenerate(TypedDict):
    type: Literal["regenerate"]
    turn: UUID
    request: NotRequired[_Request]


@_checked
class Edit(TypedDict):
    type: Literal["edit"]
    turn: UUID
    text: _Text
    request: NotRequired[_Request]


@_checked
class Follow(TypedDict):
    """``after``: the number of the last frame that was seen; 0: from the start."""

    type: Literal["follow"]
    turn: UUID
    after: NotRequired[int]


@_checked
class Stop(TypedDict):
    type: Literal["stop"]
    turn: UUID


ClientFrame = Ask | Regenerate | Edit | Follow | Stop
_CLIENT_FRAME: TypeAdapter[ClientFrame] = TypeAdapter(
    Annotated[ClientFrame, Field(discriminator="type")]
)


def parsed(text: str | None) -> ClientFrame:
    """The frame in a text message; raises AppError BAD_REQUEST naming the fields that are wrong."""
    if text is None or len(text) > LONGEST_FRAME:
        raise AppError(ErrorCode.BAD_REQUEST, fields=[])
    try:
        return _CLIENT_FRAME.validate_json(text, strict=True)
    except ValidationError as error:
        fields = sorted({str(place["loc"][-1]) for place in error.errors() if place["loc"]})
        raise AppError(ErrorCode.BAD_REQUEST, fields=fields) from error
    except UnicodeEncodeError as error:
        raise AppError(ErrorCode.BAD_REQUEST, fields=[]) from error
