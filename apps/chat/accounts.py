"""An answer as the accounts of the gateway want it."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.applications import quota as applications
from apps.chat.framing import Closed
from apps.chat.models import Turn
from apps.chat.services import Opened
from apps.gateway.accounts import Used, account
from apps.gateway.models import Generation
from apps.gateway.services import Plan
from apps.rag.ports import Turn as Message
from apps.rag.ports import Usage
from apps.rag.prompt import cost_of
from apps.rag.tokens import estimate_tokens

_OUTCOMES = {
    Turn.State.COMPLETE: Generation.Outcome.OK,
    Turn.State.REFUSED: Generation.Outcome.REFUSED,
    Turn.State.STOPPED: Generation.Outcome.STOPPED,
}


@dataclass(frozen=True, slots=True)
class Texts:
    """What was sent and said. ``offered``: tokens of the tools that were sent along. ``usage`` None:
    it broke off before the engine counted."""

    messages: Sequence[Message]
    spoken: str
    usage: Usage | None
    offered: int = 0

    def counted(self, *, has_begun: bool) -> Usage:
        """The engine's count, or an estimate of what it read and said; nothing where no server got
        to work on it."""
        if self.usage is None and not has_begun:
            return Usage(0, 0)
        read = self.offered + sum(map(cost_of, self.messages))
        return self.usage or Usage(read, estimate_tokens(self.spoken))


def enter(opened: Opened, plan: Plan, closed: Closed, texts: Texts) -> None:
    """Write an answer into the accounts, and what it used to the key that asked. In the transaction
    that keeps it."""
    has_begun = any(each.was_read for each in plan.generator.attempts)
    counted = texts.counted(has_begun=has_begun)
    used = Used(
        turn_id=opened.turn_id,
        workspace_id=opened.workspace_id,
        outcome=_OUTCOMES.get(closed.state, Generation.Outcome.FAILED),
        code=closed.error_code,
        prompt_tokens=counted.prompt_tokens,
        completion_tokens=counted.completion_tokens,
        is_counted=texts.usage is not None,
        first_token_ms=closed.first_token_ms,
        took_ms=closed.took_ms or 0,
    )
    account(plan, used)
    if tokens := counted.prompt_tokens + counted.completion_tokens:
        applications.count_tokens(tokens=tokens)
