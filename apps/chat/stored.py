"""An answer as SQL has it at one moment: finished, or being written by another process."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from apps.chat import framing
from apps.chat.frames import Delta, ServerFrame
from apps.chat.framing import Closed
from apps.chat.models import Turn
from apps.chat.queries import VisibleTurn, title_for_reader, turn_as_seen
from apps.chat.rights import scope_now
from apps.chat.services import close_interrupted
from apps.permissions.scope import entered
from apps.rag.ports import DeltaKind


@dataclass(frozen=True, slots=True)
class Stored:
    """One look at a turn, with the rights of that moment."""

    conversation_id: UUID
    title: str
    turn: VisibleTurn

    @property
    def has_sources(self) -> bool:
        return "search" in self.turn.trace

    def started(self) -> ServerFrame:
        return framing.started(
            self.turn.id,
            conversation_id=self.conversation_id,
            title=self.title,
            question=self.turn.question,
            parent_id=self.turn.parent_id,
        )

    def sources(self) -> ServerFrame:
        trace = self.turn.trace
        return framing.sources(
            self.turn.id,
            self.turn.sources,
            hidden=trace.get("hidden", 0),
            note=trace.get("note", ""),
        )

    def deltas(self, *, thinking: int, text: int) -> Iterator[Delta]:
        """What was said beyond these many characters of each kind."""
        turn = self.turn
        if len(turn.thinking) > thinking:
            said = len(turn.thinking) + text
            new = turn.thinking[thinking:]
            yield framing.delta(turn.id, new, DeltaKind.THINKING, said=said)
        if len(turn.answer) > text:
            said = max(len(turn.thinking), thinking) + len(turn.answer)
            yield framing.delta(turn.id, turn.answer[text:], DeltaKind.TEXT, said=said)

    def last(self, *, said: int) -> ServerFrame:
        turn = self.turn
        closed = Closed(
            state=Turn.State(turn.state),
            text=turn.answer,
            cited=turn.cited,
            unsupported=turn.unsupported,
            error_code=turn.error_code,
            took_ms=turn.took_ms,
            first_token_ms=turn.first_token_ms,
            model=turn.model,
        )
        return framing.ended(turn.id, closed, said=said)


def stored(turn_id: UUID) -> Stored:
    """Look at a turn as the current person may see it now. One whose process has died is closed
    first. Raises Turn.DoesNotExist."""
    with entered(scope_now()):
        close_interrupted(turn_ids=[turn_id])
        conversation = Turn.objects.select_related("conversation").get(pk=turn_id).conversation
        return Stored(conversation.pk, title_for_reader(conversation), turn_as_seen(turn_id))
