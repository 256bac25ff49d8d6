"""Conversations that were never meant to stay: those of programs that want an answer and no more."""

from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.chat.models import Conversation, Turn
from apps.chat.queries import STALE_AFTER

# An answer is forgotten as soon as it was given; what is older belongs to a process that died.
LEFT_BEHIND = timedelta(hours=1)


def drop(*, conversation_id: UUID) -> None:
    """Forget a conversation. The log keeps that it was asked; that it is gone is no news."""
    Conversation.objects.filter(pk=conversation_id).delete()


def keep(*, conversation_id: UUID) -> None:
    """Let a conversation stay after all: it has an answer to keep."""
    Conversation.objects.filter(pk=conversation_id).update(is_passing=False)


def sweep() -> int:
    """Forget those whose process died before it could, and in which nobody answers any more. Runs
    in a system scope. Returns how many."""
    now = timezone.now()
    answering = Turn.objects.filter(
        conversation=OuterRef("pk"),
        state=Turn.State.RUNNING,
        heartbeat_at__gt=now - STALE_AFTER,
    )
    left = Conversation.objects.filter(~Exists(answering), is_passing=True)
    ids = list(left.filter(updated_at__lt=now - LEFT_BEHIND).values_list("pk", flat=True))
    Conversation.objects.filter(pk__in=ids).delete()
    return len(ids)
