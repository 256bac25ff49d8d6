"""The two ends of an answer, each in a thread: what the model is given, and what is kept of it."""

import logging
import time
from collections.abc import Collection as Some
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.db import OperationalError, transaction

from apps.chat.accounts import Texts, enter
from apps.chat.frames import Source
from apps.chat.framing import Closed
from apps.chat.history import HISTORY_TURNS, messages_of
from apps.chat.models import Citation, Turn, TurnCollection
from apps.chat.queries import ancestors
from apps.chat.services import Opened
from apps.chat.sources import citation_of, source_of
from apps.core.errors import ErrorCode
from apps.events import services as events
from apps.gateway import limits
from apps.gateway import services as gateway
from apps.gateway.services import Asked, Plan
from apps.permissions.scope import current_scope
from apps.rag import evidence
from apps.rag import prompt as prompts
from apps.rag.attribute import settle_citations
from apps.rag.calls import Calls
from apps.rag.check import unsupported_spans
from apps.rag.cite import cited_numbers, normalised
from apps.rag.condense import standalone
from apps.rag.generate import Patience
from apps.rag.language import language_of
from apps.rag.ports import Delta, DeltaKind, Generator, Judge, Passage, ToolCall, Usage
from apps.rag.ports import Turn as Message
from apps.rag.refusal import is_refusal, refusal
from apps.rag.tokens import estimate_tokens
from apps.search.services import Found, search
from apps.workspaces.models import AnswerMode, Collection

log = logging.getLogger(__name__)

# A passage is about this long: how many are worth looking for within a budget.
TOKENS_PER_PASSAGE = 250
FEWEST_PASSAGES, MOST_PASSAGES = 6, 20
# The share of the budget that an asker's own instructions may fill.
INSTRUCTIONS_SHARE = 4
CHARS_PER_TOKEN = 8
LONGEST_KEPT = 200_000
KEYWORD_ONLY, NOTHING_FOUND = "KEYWORD_ONLY", "NOTHING_FOUND"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Sources that may not answer: the model is asked first, and ``refusal`` is said if they do
    not. ``support`` is what was found for an answer."""

    judge: Judge
    check: prompts.Check
    support: float
    refusal: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything the model needs, so that no database is touched while it talks. ``refusal`` is
    said instead of asking it."""

    messages: tuple[Message, ...]
    sources: tuple[prompts.Source, ...]
    shown: list[Source]
    hidden: int
    note: str
    plan: Plan
    max_tokens: int
    refusal: str = ""
    doubt: Doubt | None = None
    has_tools: bool = False

    @property
    def generator(self) -> Generator:
        return self.plan.generator

    @property
    def patience(self) -> Patience:
        return self.plan.patience

    @property
    def max_chars(self) -> int:
        return self.max_tokens * CHARS_PER_TOKEN


@dataclass(slots=True)
class Said:
    """What came out of the model so far."""

    began: float = field(default_factory=time.monotonic)
    parts: dict[DeltaKind, list[str]] = field(
        default_factory=lambda: {kind: [] for kind in DeltaKind}
    )
    length: int = 0
    usage: Usage | None = None
    finish: str = ""
    first_token_ms: int | None = None
    calls: Calls = field(default_factory=Calls)

    def add(self, text: str, kind: DeltaKind) -> None:
        if text and self.first_token_ms is None:
            self.first_token_ms = self.took_ms
        self.parts[kind].append(text)
        self.length += len(text)

    def note(self, delta: Delta) -> None:
        self.usage = delta.usage or self.usage
        self.finish = delta.finish or self.finish

    @property
    def text(self) -> str:
        return "".join(self.parts[DeltaKind.TEXT])

    @property
    def thinking(self) -> str:
        return "".join(self.parts[DeltaKind.THINKING])

    @property
    def took_ms(self) -> int:
        return round((time.monotonic() - self.began) * 1000)


# --- before -------------------------------------------------------------------------------------


def prepare(opened: Opened) -> Prepared:
    """Search as the asker, build the prompt, and save the sources and where they come from.

    Raises AppError INDEX_UNAVAILABLE or CONTEXT_TOO_LONG, or an EngineError of the factory.
    """
    plan = _plan(opened)
    settings = plan.settings
    past = ancestors(_parent(opened), limit=HISTORY_TURNS)
    history = list(opened.wishes.history) or messages_of(past)
    found = search(
        question=standalone(opened.question, history),
        collections=_collections(opened),
        limit=min(
            MOST_PASSAGES, max(FEWEST_PASSAGES, settings.context_tokens // TOKENS_PER_PASSAGE)
        ),
    )
    built = prompts.build(
        opened.question,
        distinct(found.passages),
        history,
        mode=prompts.AnswerMode(opened.mode.value),
        budget_tokens=opened.wishes.room_beside_tools(settings.context_tokens),
        language=opened.language,
        workspace_prompt=_instructions(opened, plan),
        may_refuse=settings.may_refuse,
        exchange=opened.wishes.exchange,
        has_tools=opened.wishes.has_tools,
    )
    note = _note(found)
    citations = _save(opened, built, found, past, note=note, model=plan.name)
    alive = {citation.document_id for citation in citations}
    judged = _judged(opened, built, found, may_refuse=settings.may_refuse)
    return Prepared(
        messages=built.turns,
        sources=built.sources,
        shown=[source_of(citation, opened.question, alive) for citation in citations],
        hidden=built.dropped,
        note=note,
        plan=plan,
        max_tokens=min(settings.max_tokens, opened.wishes.max_tokens or settings.max_tokens),
        refusal=_refusal(opened) if judged is evidence.Verdict.REFUSE else "",
        doubt=_doubt(opened, plan, built, found) if judged is evidence.Verdict.ASK else None,
        has_tools=opened.wishes.has_tools,
    )


def _instructions(opened: Opened, plan: Plan) -> str:
    """Those of the model's version and of the workspace, then those of the asker: data that cannot pass for a rule, in a
    share of the budget that leaves room for sources."""
    own = prompts.neutral(opened.wishes.instructions.strip())
    most = plan.settings.context_tokens // INSTRUCTIONS_SHARE
    while own and (tokens := estimate_tokens(own)) > most:
        own = own[: int(len(own) * most / tokens)]
    return "\n".join(text for text in (plan.instructions, opened.prompt, own) if text).strip()


def _judged(
    opened: Opened, built: prompts.Prompt, found: Found, *, may_refuse: bool
) -> evidence.Verdict:
    """What is to be done in a room where only documents count."""
    # What the program's own tools said is there to answer from.
    if opened.mode is not AnswerMode.DOCUMENTS_ONLY or opened.wishes.exchange:
        return evidence.Verdict.ANSWER
    if not built.sources:
        return evidence.Verdict.REFUSE
    return evidence.Verdict.ANSWER if may_refuse else evidence.verdict(_support(built, found))


def _support(built: prompts.Prompt, found: Found) -> float:
    chunks = [passage.chunk_id for passage in found.passages]
    # A side that is down cannot agree: its silence is not held against the sources.
    is_degraded = found.trace.retrieval.is_degraded
    agreed = is_degraded or evidence.sides_agree(found.trace.hits, chunks)
    return evidence.support(built.coverage, agreed=agreed)


def _plan(opened: Opened) -> Plan:
    return gateway.plan(
        Asked(
            opened.question,
            opened.model,
            opened.wishes.tuning,
            conversation=opened.conversation_id,
            group=opened.workspace_id,
        )
    )


def _doubt(opened: Opened, plan: Plan, built: prompts.Prompt, found: Found) -> Doubt:
    return Doubt(plan.generator, built.check, _support(built, found), _refusal(opened))


def distinct(passages: Sequence[Passage]) -> list[Passage]:
    """Without those that say word for word what a better one says: copies of a document would
    fill the prompt."""
    by_text: dict[str, Passage] = {}
    for passage in passages:
        by_text.setdefault(" ".join(passage.text.split()).casefold(), passage)
    return list(by_text.values())


def _parent(opened: Opened) -> Turn | None:
    return Turn.objects.filter(pk=opened.parent_id).first() if opened.parent_id else None


def _collections(opened: Opened) -> Some[UUID] | None:
    """What the conversation is kept to; None is all that the asker may read."""
    wanted = frozenset(opened.collection_ids)
    if opened.workspace_id is None:
        return wanted or None
    rows = Collection.objects.filter(workspace_id=opened.workspace_id)
    in_workspace = frozenset(rows.values_list("pk", flat=True))
    return in_workspace & wanted if wanted else in_workspace


def _note(found: Found) -> str:
    if not found.passages:
        return NOTHING_FOUND
    return KEYWORD_ONLY if found.trace.retrieval.is_degraded else ""


def _refusal(opened: Opened) -> str:
    return refusal(opened.language or language_of(opened.question))


@transaction.atomic
def _save(
    opened: Opened,
    built: prompts.Prompt,
    found: Found,
    past: Sequence[Turn],
    *,
    note: str,
    model: str,
) -> list[Citation]:
    """Sources, and the collections that decide from now on who may read the turn."""
    Turn.objects.get(pk=opened.turn_id)  # it may have been deleted while the search ran
    citations = Citation.objects.bulk_create(
        citation_of(opened.turn_id, opened.owner_id, source) for source in built.sources
    )
    drawn = {citation.collection_id for citation in citations}
    drawn |= set(
        TurnCollection.objects.filter(turn__in=past).values_list("collection_id", flat=True)
    )
    TurnCollection.objects.bulk_create(
        TurnCollection(owner_id=opened.owner_id, turn_id=opened.turn_id, collection_id=pk)
        for pk in sorted(drawn)
    )
    trace = _trace(built, found, note)
    Turn.objects.filter(pk=opened.turn_id).update(query=found.query, model=model, trace=trace)
    return citations


def _trace(built: prompts.Prompt, found: Found, note: str) -> dict[str, Any]:
    """How it was found. Of passages outside the prompt nothing is kept: the turn is not withheld
    for them."""
    shown = {source.passage.chunk_id for source in built.sources}
    search_trace = found.trace.as_json()
    search_trace["hits"] = [hit for hit in search_trace["hits"] if hit["chunk"] in shown]
    acting = current_scope().acting()
    return {
        "search": search_trace,
        "hidden": built.dropped,
        "note": note,
        "acting": acting,
        "topics": list(found.topics),
    }


# --- after --------------------------------------------------------------------------------------


def close_turn(
    *,
    opened: Opened,
    prepared: Prepared | None,
    said: Said,
    state: Turn.State,
    error_code: str = "",
) -> Closed:
    """Record how an answer ended. ``state`` COMPLETE becomes REFUSED where the text refuses, and
    FAILED where there is none."""
    sources = prepared.sources if prepared else ()
    text = said.text.strip()
    if state is Turn.State.COMPLETE:
        state, text, error_code = _completed(opened, prepared, text, calls=said.calls.whole())
    spans = unsupported_spans(text, sources) if state is Turn.State.COMPLETE and sources else []
    closed = Closed(
        state=state,
        text=text,
        cited=cited_numbers(text, len(sources)),
        unsupported=[[span.start, span.end] for span in spans],
        error_code=error_code,
        took_ms=said.took_ms,
        first_token_ms=said.first_token_ms,
        model=prepared.plan.name if prepared else "",
    )
    try:
        _keep(opened, prepared, said, closed)
    except OperationalError as error:  # a deadlock, which the database ends by giving one up
        log.warning("an answer is kept at the second try: %s", error)
        _keep(opened, prepared, said, closed)
    return closed


def _completed(
    opened: Opened, prepared: Prepared | None, text: str, *, calls: Sequence[ToolCall]
) -> tuple[Turn.State, str, str]:
    if calls:  # no answer yet: there is nothing to check or to cite
        return Turn.State.COMPLETE, text, ""
    if not text:
        return Turn.State.FAILED, "", ErrorCode.ENGINE_ERROR.value
    if is_refusal(text):
        return Turn.State.REFUSED, text, ""
    sources = prepared.sources if prepared else ()
    settled = settle_citations(text, sources, question=opened.question)
    return Turn.State.COMPLETE, normalised(settled, len(sources)), ""


@transaction.atomic
def _keep(opened: Opened, prepared: Prepared | None, said: Said, closed: Closed) -> None:
    row = Turn.objects.filter(pk=opened.turn_id).first()
    _enter(opened, prepared, said, closed)
    if row is None:  # deleted while it was answered: what it used is used all the same
        return
    trace = {**row.trace, "unsupported": closed.unsupported, "finish": said.finish}
    if calls := said.calls.whole():
        trace["calls"] = [asdict(call) for call in calls]
    if prepared is not None:
        trace["route"] = gateway.trace(prepared.plan)
    Turn.objects.filter(pk=row.pk).update(
        answer=closed.text,
        thinking=said.thinking[:LONGEST_KEPT],
        state=closed.state,
        error_code=closed.error_code,
        stop_requested=False,
        prompt_tokens=said.usage.prompt_tokens if said.usage else 0,
        completion_tokens=said.usage.completion_tokens if said.usage else 0,
        first_token_ms=closed.first_token_ms,
        took_ms=closed.took_ms,
        trace=trace,
    )
    Citation.objects.filter(turn=row, number__in=closed.cited).update(is_cited=True)
    events.record(
        "chat.answered",
        row,
        workspace_id=opened.workspace_id,
        state=closed.state.value,
        code=closed.error_code,
    )


def _enter(opened: Opened, prepared: Prepared | None, said: Said, closed: Closed) -> None:
    if prepared is None:
        limits.settle(turn_id=opened.turn_id, amount=limits.Amount(0))
        return
    called = "".join(call.name + call.arguments for call in said.calls.whole())
    spoken = said.text + said.thinking + called
    texts = Texts(prepared.messages, spoken, said.usage, opened.wishes.offered)
    enter(opened, prepared.plan, closed, texts)
