"""What a reader may see of conversations: a turn is withheld, wherever it would be shown, unless
every collection that it drew from is still readable."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.chat.frames import Source
from apps.chat.models import Citation, Conversation, Turn, TurnCollection
from apps.chat.sources import living_documents, source_of
from apps.core.errors import message_of
from apps.permissions.scope import current_scope
from apps.workspaces.models import Workspace

STALE_AFTER = timedelta(seconds=30)
SNIPPET_CHARS = 120


@dataclass(frozen=True, slots=True)
class VisibleTurn:
    """A turn as its reader may see it now. Withheld: all texts, sources and the trace are empty.

    ``siblings`` are the branches at this place (regenerated or edited), this one among them.
    """

    id: UUID
    parent_id: UUID | None
    state: str
    error_code: str
    created_at: datetime
    is_withheld: bool
    question: str = ""
    answer: str = ""
    thinking: str = ""
    mode: str = ""
    model: str = ""
    rating: str = ""
    rating_reason: str = ""
    took_ms: int | None = None
    first_token_ms: int | None = None
    sources: list[Source] = field(default_factory=list)
    cited: list[int] = field(default_factory=list)
    unsupported: list[list[int]] = field(default_factory=list)
    trace: dict[str, Any] = field(default_factory=dict)
    siblings: list[UUID] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        return self.state == Turn.State.RUNNING

    @property
    def position(self) -> int:
        """Which of the siblings this is, from 1."""
        return self.siblings.index(self.id) + 1

    @property
    def previous(self) -> UUID | None:
        at = self.siblings.index(self.id)
        return self.siblings[at - 1] if at > 0 else None

    @property
    def next(self) -> UUID | None:
        at = self.siblings.index(self.id)
        return self.siblings[at + 1] if at + 1 < len(self.siblings) else None

    @property
    def message(self) -> str:
        """Why there is no answer, or none that may be shown, in the reader's language."""
        if self.is_withheld:
            return message_of("ANSWER_WITHHELD")
        return message_of(self.error_code) if self.error_code else ""


@dataclass(frozen=True, slots=True)
class Row:
    """A conversation in a list."""

    id: UUID
    title: str
    is_withheld: bool
    is_running: bool
    workspace_id: UUID | None
    updated_at: datetime

    @property
    def url(self) -> str:
        return f"/c/{self.id}"


@dataclass(frozen=True, slots=True)
class Group:
    """Conversations of one stretch of days."""

    label: str
    conversations: list[Row]


@dataclass(frozen=True, slots=True)
class FoundConversation:
    """A conversation that holds the words that were looked for."""

    conversation_id: UUID
    title: str
    snippet: str
    turn_id: UUID | None
    updated_at: datetime

    @property
    def url(self) -> str:
        return f"/c/{self.conversation_id}"


# --- turns --------------------------------------------------------------------------------------


def withheld_ids(turns: QuerySet[Turn]) -> set[UUID]:
    """Which of these turns drew from a collection that the current scope cannot read."""
    drawn = TurnCollection.objects.filter(turn__in=turns)
    return set(_unreadable(drawn).values_list("turn_id", flat=True))


def is_withheld(turn_id: UUID) -> bool:
    """Whether this turn must not be shown to the current scope."""
    return _unreadable(TurnCollection.objects.filter(turn_id=turn_id)).exists()


def visible_turns(conversation: Conversation) -> list[VisibleTurn]:
    """Every turn of a conversation, all branches, oldest first."""
    rows = Turn.objects.filter(conversation=conversation).order_by("created_at", "pk")
    return _visible(rows, list(rows))


def thread(conversation: Conversation, leaf: UUID | None = None) -> list[VisibleTurn]:
    """One path through the branches, from the first question down: the one through ``leaf``, or
    through the newest turn; from there on along the newest branches."""
    path = path_through(_ids_and_parents(conversation), leaf)
    rows = Turn.objects.filter(pk__in=path)
    by_id = {turn.pk: turn for turn in rows}
    return _visible(rows, [by_id[pk] for pk in path if pk in by_id])


def turn_as_seen(turn_id: UUID) -> VisibleTurn:
    """One turn as its reader may see it now; raises Turn.DoesNotExist."""
    rows = Turn.objects.filter(pk=turn_id)
    return _visible(rows, [rows.get()])[0]


def tokens_of(turn_id: UUID) -> tuple[int, int]:
    """Tokens that were read and written for a turn, as the engine counted them."""
    turn = Turn.objects.filter(pk=turn_id).first()
    return (turn.prompt_tokens, turn.completion_tokens) if turn else (0, 0)


def finish_of(turn_id: UUID) -> str:
    """Why the engine ended its answer: "stop", "length", "loop"; "" where none spoke."""
    turn = Turn.objects.filter(pk=turn_id).first()
    return str(turn.trace.get("finish", "")) if turn else ""


def calls_of(turn_id: UUID) -> list[dict[str, str]]:
    """The tools that the model wants called: id, name and arguments of each."""
    turn = Turn.objects.filter(pk=turn_id).first()
    return list(turn.trace.get("calls", [])) if turn else []


def path_through(parents: dict[UUID, UUID | None], leaf: UUID | None) -> list[UUID]:
    """Ids from the root through ``leaf`` (or the newest) to the end. ``parents`` is oldest first."""
    if not parents:
        return []
    at: UUID | None = leaf if leaf in parents else next(reversed(parents))
    up: list[UUID] = []
    while at is not None and at in parents:
        up.append(at)
        at = parents[at]
    path = up[::-1]
    newest_child = {parent: pk for pk, parent in parents.items()}
    while path[-1] in newest_child:
        path.append(newest_child[path[-1]])
    return path


def ancestors(turn: Turn | None, *, limit: int) -> list[Turn]:
    """The turn and those above it, oldest first, at most ``limit``, that may be shown now."""
    if turn is None:
        return []
    parents = _ids_and_parents(turn.conversation)
    path = path_through(parents, turn.pk)
    above = path[: path.index(turn.pk) + 1][-limit:] if turn.pk in path else []
    rows = Turn.objects.filter(pk__in=above)
    withheld = withheld_ids(rows)
    return sorted(
        (row for row in rows if row.pk not in withheld), key=lambda row: above.index(row.pk)
    )


def _ids_and_parents(conversation: Conversation) -> dict[UUID, UUID | None]:
    rows = Turn.objects.filter(conversation=conversation).order_by("created_at", "pk")
    return dict(rows.values_list("pk", "parent_id"))


def _visible(rows: QuerySet[Turn], turns: Sequence[Turn]) -> list[VisibleTurn]:
    withheld = withheld_ids(rows.order_by())
    siblings = _siblings(turns)
    citations = _citations_by_turn([turn.pk for turn in turns if turn.pk not in withheld])
    alive = living_documents([each for some in citations.values() for each in some])
    return [
        _withheld_turn(turn, siblings[turn.parent_id])
        if turn.pk in withheld
        else _shown_turn(turn, siblings[turn.parent_id], citations[turn.pk], alive)
        for turn in turns
    ]


def _siblings(turns: Sequence[Turn]) -> dict[UUID | None, list[UUID]]:
    """Branches by parent, for every place that these turns stand at."""
    found: dict[UUID | None, list[UUID]] = defaultdict(list)
    if turns:
        rows = Turn.objects.filter(conversation_id=turns[0].conversation_id)
        for pk, parent in rows.order_by("created_at", "pk").values_list("pk", "parent_id"):
            found[parent].append(pk)
    return found


def _citations_by_turn(turn_ids: Iterable[UUID]) -> dict[UUID, list[Citation]]:
    found: dict[UUID, list[Citation]] = defaultdict(list)
    for citation in Citation.objects.filter(turn_id__in=list(turn_ids)).order_by("number"):
        found[citation.turn_id].append(citation)
    return found


def _withheld_turn(turn: Turn, siblings: list[UUID]) -> VisibleTurn:
    return VisibleTurn(
        id=turn.pk,
        parent_id=turn.parent_id,
        state=turn.state,
        error_code=turn.error_code,
        created_at=turn.created_at,
        is_withheld=True,
        siblings=siblings,
    )


def _shown_turn(
    turn: Turn, siblings: list[UUID], citations: list[Citation], alive: frozenset[UUID]
) -> VisibleTurn:
    return VisibleTurn(
        id=turn.pk,
        parent_id=turn.parent_id,
        state=turn.state,
        error_code=turn.error_code,
        created_at=turn.created_at,
        is_withheld=False,
        question=turn.question,
        answer=turn.answer,
        thinking=turn.thinking,
        mode=turn.mode,
        model=turn.model,
        rating=turn.rating,
        rating_reason=turn.rating_reason,
        took_ms=turn.took_ms,
        first_token_ms=turn.first_token_ms,
        sources=[source_of(citation, turn.question, alive) for citation in citations],
        cited=[citation.number for citation in citations if citation.is_cited],
        unsupported=turn.trace.get("unsupported", []),
        trace={"query": turn.query, **turn.trace},
        siblings=siblings,
    )


# --- conversations ------------------------------------------------------------------------------


def conversations(*, workspace: Workspace | None = None) -> QuerySet[Conversation]:
    """The reader's conversations, newest first, annotated ``withheld`` (its first turn is) and
    ``running``. Show their titles with ``shown_title``."""
    first_turns = TurnCollection.objects.filter(
        turn__conversation=OuterRef("pk"), turn__parent__isnull=True
    )
    alive = Turn.objects.filter(
        conversation=OuterRef("pk"),
        state=Turn.State.RUNNING,
        heartbeat_at__gt=timezone.now() - STALE_AFTER,
    )
    rows = Conversation.objects.filter(is_passing=False).annotate(
        withheld=Exists(_unreadable(first_turns)), running=Exists(alive)
    )
    if workspace is not None:
        rows = rows.filter(workspace=workspace)
    return rows.order_by("-updated_at", "-pk")


def shown_title(conversation: Conversation) -> str:
    """The title, unless the turn that it was made from is withheld. Wants ``conversations()``."""
    return _title(conversation.title, is_withheld=conversation.withheld)  # type: ignore[attr-defined]


def _title(title: str, *, is_withheld: bool) -> str:
    if is_withheld:
        return _("Withheld conversation")
    return title or _("Untitled")


def title_for_reader(conversation: Conversation) -> str:
    """The title of one conversation, or the words that stand for a withheld one."""
    if conversation.owner_id != current_scope().actor_id:
        raise Conversation.DoesNotExist
    drawn = TurnCollection.objects.filter(
        turn__conversation=conversation, turn__parent__isnull=True
    )
    return _title(conversation.title, is_withheld=_unreadable(drawn).exists())


def conversations_grouped(*, workspace: Workspace | None = None, limit: int = 50) -> list[Group]:
    """The newest conversations by day: today, yesterday, this week, earlier."""
    groups: dict[str, list[Row]] = {}
    today = timezone.localdate()
    for conversation in conversations(workspace=workspace)[:limit]:
        row = _row(conversation)
        days = (today - timezone.localtime(row.updated_at).date()).days
        groups.setdefault(_label(days), []).append(row)
    return [Group(label, rows) for label, rows in groups.items()]


def find_conversations(text: str, *, limit: int = 20) -> list[FoundConversation]:
    """Conversations whose title, questions or answers hold the text, newest first. Withheld turns
    and titles are not looked into."""
    wanted = text.replace("\x00", "").strip()[:200]
    if not wanted:
        return []
    found = _found_in_titles(wanted, limit)
    turns = (
        Turn.objects.filter(Q(question__icontains=wanted) | Q(answer__icontains=wanted))
        .exclude(Exists(_unreadable(TurnCollection.objects.filter(turn=OuterRef("pk")))))
        .order_by("-created_at")[: limit * 5]
    )
    newest = {turn.conversation_id: turn for turn in reversed(list(turns))}
    for conversation in conversations().filter(pk__in=newest):
        turn = newest[conversation.pk]
        found[conversation.pk] = FoundConversation(
            conversation.pk,
            shown_title(conversation),
            snippet(turn, wanted),
            turn.pk,
            conversation.updated_at,
        )
    return sorted(found.values(), key=lambda each: each.updated_at, reverse=True)[:limit]


def snippet(turn: Turn, wanted: str) -> str:
    """The words around the first place where the text stands."""
    text = turn.question if wanted.casefold() in turn.question.casefold() else turn.answer
    at = max(text.casefold().find(wanted.casefold()), 0)
    start = max(0, at - SNIPPET_CHARS // 3)
    piece = " ".join(text[start : start + SNIPPET_CHARS].split())
    return f"{'…' if start else ''}{piece}{'…' if start + SNIPPET_CHARS < len(text) else ''}"


def _found_in_titles(wanted: str, limit: int) -> dict[UUID, FoundConversation]:
    rows = conversations().filter(title__icontains=wanted).filter(withheld=False)[:limit]  # type: ignore[misc]
    return {
        row.pk: FoundConversation(row.pk, shown_title(row), "", None, row.updated_at)
        for row in rows
    }


def _row(conversation: Conversation) -> Row:
    return Row(
        id=conversation.pk,
        title=shown_title(conversation),
        is_withheld=conversation.withheld,  # type: ignore[attr-defined]
        is_running=conversation.running,  # type: ignore[attr-defined]
        workspace_id=conversation.workspace_id,
        updated_at=conversation.updated_at,
    )


def _label(days: int) -> str:
    if days <= 0:
        return _("Today")
    if days == 1:
        return _("Yesterday")
    return _("This week") if days < 7 else _("Earlier")


def _unreadable(drawn: QuerySet[TurnCollection]) -> QuerySet[TurnCollection]:
    return drawn.exclude(collection_id__in=current_scope().readable)
