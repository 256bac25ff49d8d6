"""What a person does with conversations: ask, ask again, stop, rate, rename, delete."""

from collections.abc import Collection as Some
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.chat.frames import LONGEST_QUESTION
from apps.chat.history import require_topic_allowed
from apps.chat.models import Citation, Conversation, Turn
from apps.chat.queries import STALE_AFTER, title_for_reader
from apps.chat.wishes import NO_WISHES, Wishes
from apps.core.errors import AppError, ErrorCode
from apps.events import services as events
from apps.gateway import limits, offers
from apps.gateway.services import most_tokens
from apps.permissions.roles import Permission
from apps.permissions.scope import ScopeDenied, current_scope
from apps.rag.titles import title_of
from apps.rag.tokens import estimate_tokens
from apps.workspaces.models import AnswerMode, Collection, Workspace

# Answers that may run at once for one person; a program asks for many people with one key.
RUNNING_PER_PERSON = 4
RUNNING_PER_KEY = 64
LONGEST_TITLE = 120
LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class Opened:
    """A question that was accepted and saved; the answer to it is still to be found."""

    turn_id: UUID
    owner_id: UUID
    conversation_id: UUID
    workspace_id: UUID | None
    collection_ids: tuple[UUID, ...]
    title: str
    question: str
    parent_id: UUID | None
    mode: AnswerMode
    language: str = ""
    prompt: str = ""
    model: str = ""
    request: str = ""
    wishes: Wishes = NO_WISHES


# --- asking -------------------------------------------------------------------------------------


def ask(  # noqa: PLR0913 - the fields of one question, by keyword
    *,
    question: str,
    conversation_id: UUID | None = None,
    workspace: Workspace | UUID | str | None = None,
    collection_ids: Some[UUID] | None = None,
    mode: str | None = None,
    model: str | None = None,
    parent_id: UUID | None = None,
    request: str = "",
    wishes: Wishes | None = None,
    is_passing: bool = False,
) -> Opened:
    """Save a question, in a conversation of its own unless one is named.

    A parent names its conversation too. ``workspace`` is its slug or id and counts for a new
    conversation only; ``collection_ids`` keep the conversation to these from now on, and ``model``
    lets that language model answer in it ("": none in particular). One that ``is_passing`` is for the
    caller to forget (``chat.passing``). Raises DoesNotExist for what
    the asker cannot see, ScopeDenied without the right to ask, AppError BAD_REQUEST,
    TOO_MANY_REQUESTS, BUDGET_EXCEEDED, or what ``require_topic_allowed`` raises.
    """
    text = _checked_question(question)
    before = _before(conversation_id, parent_id)
    require_topic_allowed(text, parent=before, wishes=wishes)
    with transaction.atomic():
        if conversation_id is None and parent_id is not None:
            conversation_id = Turn.objects.get(pk=parent_id).conversation_id
        if conversation_id is None:
            parent = None
            conversation = create_conversation(
                workspace=_workspace(workspace),
                collection_ids=tuple(collection_ids or ()),
                title=title_of(text),
                is_passing=is_passing,
            )
        else:
            conversation = Conversation.objects.get(pk=conversation_id)
            parent = _parent_in(conversation, parent_id)
            if collection_ids is not None:
                _keep_to(conversation, collection_ids)
        if model is not None:
            _let_answer(conversation, model)
        opened = open_turn(
            conversation=conversation, question=text, mode=mode, parent=parent, request=request
        )
        return replace(opened, wishes=wishes or NO_WISHES)


def regenerate(*, turn_id: UUID, request: str = "") -> Opened:
    """Ask the same question again, beside the answer it got."""
    turn = Turn.objects.select_related("conversation", "parent").get(pk=turn_id)
    require_topic_allowed(turn.question, parent=turn.parent)
    return open_turn(
        conversation=turn.conversation,
        question=turn.question,
        mode=turn.mode,
        parent=turn.parent,
        regenerate_of=turn,
        request=request,
    )


def edit(*, turn_id: UUID, question: str, request: str = "") -> Opened:
    """Ask another question in the place of one; both branches are kept."""
    turn = Turn.objects.select_related("conversation", "parent").get(pk=turn_id)
    require_topic_allowed(_checked_question(question), parent=turn.parent)
    return open_turn(
        conversation=turn.conversation,
        question=question,
        mode=turn.mode,
        parent=turn.parent,
        request=request,
    )


@transaction.atomic
def create_conversation(
    *,
    workspace: Workspace | None = None,
    collection_ids: Some[UUID] = (),
    title: str = "",
    is_passing: bool = False,
) -> Conversation:
    """An empty conversation of the current person, in a workspace or over all that is in reach."""
    conversation = Conversation.objects.create(
        owner_id=_require_ask(workspace.pk if workspace else None),
        application_id=current_scope().application_id,
        workspace=workspace,
        collection_ids=_checked_collections(collection_ids, workspace),
        title=title,
        is_passing=is_passing,
    )
    events.record("conversation.created", conversation)
    return conversation


@transaction.atomic
def open_turn(
    *,
    conversation: Conversation,
    question: str,
    mode: str | None = None,
    parent: Turn | None = None,
    regenerate_of: Turn | None = None,
    request: str = "",
) -> Opened:
    """Save a question below ``parent`` and reserve the row of its answer."""
    text = _checked_question(question)
    workspace = _workspace_of(conversation)
    _require_ask(conversation.workspace_id)
    _require_room_for_one_more()
    turn = Turn.objects.create(
        owner_id=conversation.owner_id,
        application_id=conversation.application_id,
        conversation=conversation,
        parent=parent,
        question=text,
        mode=_effective_mode(workspace, mode),
        heartbeat_at=timezone.now(),
    )
    limits.reserve(
        turn_id=turn.pk,
        workspace_id=conversation.workspace_id,
        tokens=estimate_tokens(text) + most_tokens(),
    )
    conversation.title = conversation.title or title_of(text)
    Conversation.objects.filter(pk=conversation.pk).update(
        title=conversation.title, updated_at=timezone.now()
    )
    events.record(
        "chat.asked",
        turn,
        workspace_id=conversation.workspace_id,
        conversation=str(conversation.pk),
        again=regenerate_of is not None,
    )
    return _opened(conversation, turn, workspace, request)


def _opened(
    conversation: Conversation, turn: Turn, workspace: Workspace | None, request: str
) -> Opened:
    return Opened(
        turn_id=turn.pk,
        owner_id=turn.owner_id,
        conversation_id=conversation.pk,
        workspace_id=conversation.workspace_id,
        collection_ids=tuple(UUID(pk) for pk in conversation.collection_ids),
        title=title_for_reader(conversation),
        question=turn.question,
        parent_id=turn.parent_id,
        mode=AnswerMode(turn.mode),
        language=workspace.language if workspace else "",
        prompt=workspace.prompt if workspace else "",
        model=conversation.model or (workspace.model if workspace else ""),
        request=request,
    )


def _checked_question(question: str) -> str:
    text = question.replace("\x00", "").strip()
    if not text or len(text) > LONGEST_QUESTION:
        raise AppError(ErrorCode.BAD_REQUEST, fields=["text"], most=LONGEST_QUESTION)
    return text


def _effective_mode(workspace: Workspace | None, wanted: str | None) -> AnswerMode:
    """What the asker chose, unless the workspace answers from documents only."""
    if workspace and workspace.mode == AnswerMode.DOCUMENTS_ONLY:
        return AnswerMode.DOCUMENTS_ONLY
    if wanted:
        return AnswerMode(wanted)
    return AnswerMode(workspace.mode) if workspace else AnswerMode.DOCUMENTS_ONLY


def _require_ask(workspace_id: UUID | None) -> UUID:
    """Who asks; raises ScopeDenied without the right to, there or (None) anywhere."""
    scope = current_scope()
    rooms = [workspace_id] if workspace_id else list(scope.workspaces)
    if scope.actor_id is None or not any(scope.allows(Permission.ASK, room) for room in rooms):
        raise ScopeDenied(Permission.ASK)
    return scope.actor_id


def _require_room_for_one_more() -> None:
    running = Turn.objects.filter(
        state=Turn.State.RUNNING, heartbeat_at__gt=timezone.now() - STALE_AFTER
    ).count()
    if running >= (RUNNING_PER_KEY if current_scope().via_key else RUNNING_PER_PERSON):
        raise AppError(ErrorCode.TOO_MANY_REQUESTS, status=429, running=running)


def _workspace(wanted: Workspace | UUID | str | None) -> Workspace | None:
    if wanted is None or isinstance(wanted, Workspace):
        return wanted
    try:
        return Workspace.objects.get(pk=UUID(str(wanted)))
    except ValueError:
        return Workspace.objects.get(slug=wanted)


def _workspace_of(conversation: Conversation) -> Workspace | None:
    """The conversation's workspace; one that this person can no longer use is refused."""
    if conversation.workspace_id is None:
        return None
    return Workspace.objects.get(pk=conversation.workspace_id)


def _parent_in(conversation: Conversation, parent_id: UUID | None) -> Turn | None:
    """The named turn of this conversation, or its newest."""
    turns = Turn.objects.filter(conversation=conversation)
    return turns.get(pk=parent_id) if parent_id else turns.order_by("-created_at", "-pk").first()


def _before(conversation_id: UUID | None, parent_id: UUID | None) -> Turn | None:
    """The turn that a new question comes after, if it comes after any."""
    if conversation_id is not None:
        return _parent_in(Conversation.objects.get(pk=conversation_id), parent_id)
    return Turn.objects.get(pk=parent_id) if parent_id is not None else None


def _keep_to(conversation: Conversation, collection_ids: Some[UUID]) -> None:
    checked = _checked_collections(collection_ids, _workspace_of(conversation))
    if checked != conversation.collection_ids:
        conversation.collection_ids = checked
        conversation.save(update_fields=["collection_ids", "updated_at"])


def _let_answer(conversation: Conversation, model: str) -> None:
    if model:
        offers.require_mine(model)
    if model != conversation.model:
        conversation.model = model
        conversation.save(update_fields=["model"])


def _checked_collections(ids: Some[UUID], workspace: Workspace | None) -> list[str]:
    """The ids in a stable order; raises DoesNotExist unless every one is readable, and in the
    workspace where there is one."""
    wanted = frozenset(ids)
    if not wanted:
        return []
    rows = Collection.objects.filter(pk__in=wanted)
    if workspace is not None:
        rows = rows.filter(workspace=workspace)
    if rows.count() != len(wanted):
        raise Collection.DoesNotExist
    return sorted(str(pk) for pk in wanted)


# --- while it runs ------------------------------------------------------------------------------


def beat(*, turn_id: UUID, answer: str, thinking: str) -> bool:
    """Note what was said so far and that the answer is alive; False when it has to stop: somebody
    asked for that, or the turn is gone. One that was given up for dead in a bad minute lives on."""
    given_up = Q(state=Turn.State.FAILED, error_code=ErrorCode.ANSWER_INTERRUPTED)
    Turn.objects.filter(Q(state=Turn.State.RUNNING) | given_up, pk=turn_id).update(
        state=Turn.State.RUNNING,
        error_code="",
        answer=answer,
        thinking=thinking,
        heartbeat_at=timezone.now(),
    )
    running = Turn.objects.filter(pk=turn_id, state=Turn.State.RUNNING)
    return running.filter(stop_requested=False).exists()


def request_stop(*, turn: Turn) -> None:
    """Ask whichever process is answering to stop; it looks about once a second."""
    Turn.objects.filter(pk=turn.pk, state=Turn.State.RUNNING).update(stop_requested=True)


def close_interrupted(*, turn_ids: Sequence[UUID] | None = None) -> int:
    """Mark running turns without a sign of life as interrupted: their process has died. What was
    said is kept. Returns how many."""
    silent = Q(heartbeat_at__lt=timezone.now() - STALE_AFTER) | Q(heartbeat_at__isnull=True)
    rows = Turn.objects.filter(silent, state=Turn.State.RUNNING)
    if turn_ids is not None:
        rows = rows.filter(pk__in=turn_ids)
    else:
        limits.release_forgotten()
    return rows.update(state=Turn.State.FAILED, error_code=ErrorCode.ANSWER_INTERRUPTED)


# --- afterwards ---------------------------------------------------------------------------------


@transaction.atomic
def rate(*, turn: Turn, rating: str, reason: str = "") -> Turn:
    """Say whether an answer helped, or take that back with an empty rating."""
    if rating not in Turn.Rating.values:
        raise AppError(ErrorCode.BAD_REQUEST, fields=["rating"])
    turn.rating = rating
    turn.rating_reason = reason.replace("\x00", "").strip()[:LONGEST_REASON] if rating else ""
    turn.save(update_fields=["rating", "rating_reason"])
    events.record(
        "turn.rated", turn, workspace_id=turn.conversation.workspace_id, rating=turn.rating
    )
    return turn


@transaction.atomic
def rename_conversation(*, conversation: Conversation, title: str) -> Conversation:
    """Give a conversation a title of its own; an empty one is refused with BAD_REQUEST."""
    text = " ".join(title.replace("\x00", "").split())[:LONGEST_TITLE]
    if not text:
        raise AppError(ErrorCode.BAD_REQUEST, fields=["title"])
    conversation.check_writable()
    conversation.title = text
    # Renaming is not news: the conversation keeps its place in the list.
    Conversation.objects.filter(pk=conversation.pk).update(title=text)
    events.record("conversation.renamed", conversation)
    return conversation


@transaction.atomic
def delete_conversation(*, conversation: Conversation) -> None:
    """Remove a conversation with its turns, sources and ratings; answers that run in it stop."""
    conversation.check_writable()
    events.record("conversation.deleted", conversation)
    Conversation.objects.filter(pk=conversation.pk).delete()


def forget_document(document_id: UUID) -> None:
    """Remove what citations keep of an erased document. Runs in a system scope."""
    _forget(Citation.objects.filter(document_id=document_id))


def forget_collections(collection_ids: frozenset[UUID]) -> None:
    """The same for every document of collections that end. Runs in a system scope."""
    _forget(Citation.objects.filter(collection_id__in=collection_ids))


def _forget(citations: QuerySet[Citation]) -> None:
    citations.update(
        quote="", around="", edited={}, headings=[], boxes=[], document_name="", page=None
    )
