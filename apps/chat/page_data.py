"""What <kb-chat> is given with its page: turns, places to search, and what is kept from view."""

from typing import Any
from uuid import UUID

from apps.chat.models import Conversation
from apps.chat.queries import VisibleTurn, visible_turns
from apps.workspaces.models import AnswerMode, Collection, Workspace
from apps.workspaces.queries import unreadable_listed


def chat_data(workspace: Workspace | None, conversation: Conversation | None) -> dict[str, Any]:
    """The JSON of a chat page; ``frontend/src/chat.ts`` reads it."""
    places = Collection.objects.select_related("workspace")
    if workspace is not None:
        places = places.filter(workspace=workspace)
    readable = [
        {"id": str(place.pk), "name": place.name, "workspace": place.workspace.name}
        for place in places
    ]
    return {
        "conversation": str(conversation.pk) if conversation else None,
        "workspace": workspace.slug if workspace else None,
        "workspace_name": workspace.name if workspace else "",
        "collections": readable,
        "chosen": _still_readable(conversation, readable),
        "hidden": unreadable_listed(workspace) if workspace else [],
        "turns": [turn_data(turn) for turn in visible_turns(conversation)] if conversation else [],
    }


def may_choose_mode(workspace: Workspace | None) -> bool:
    """A workspace that answers from documents only leaves no choice."""
    return workspace is None or workspace.mode == AnswerMode.CHAT


def turn_data(turn: VisibleTurn) -> dict[str, Any]:
    """``StoredTurn`` of frontend/src/turns.ts."""
    return {
        "id": str(turn.id),
        "parent": _text(turn.parent_id),
        "question": turn.question,
        "answer": turn.answer,
        "thinking": turn.thinking,
        "state": "withheld" if turn.is_withheld else turn.state,
        "message": turn.message,
        "code": turn.error_code,
        "sources": turn.sources,
        "cited": turn.cited,
        "unsupported": turn.unsupported,
        "rating": turn.rating,
        "rating_reason": turn.rating_reason,
        "model": turn.model,
        "took_ms": turn.took_ms,
    }


def _text(pk: UUID | None) -> str | None:
    return str(pk) if pk else None


def _still_readable(conversation: Conversation | None, readable: list[dict[str, str]]) -> list[str]:
    kept = set(conversation.collection_ids) if conversation else set()
    return [place["id"] for place in readable if place["id"] in kept]
