"""What a program brings along with its question."""

from dataclasses import dataclass

from apps.core.errors import AppError, ErrorCode
from apps.rag.ports import UNTUNED, Tuning, Turn
from apps.rag.prompt import cost_of
from apps.rag.tokens import estimate_tokens


@dataclass(frozen=True, slots=True)
class Wishes:
    """Words and limits of the asker's own, within those of the installation and the workspace.

    ``history`` stands for that of the conversation; it and ``instructions`` are the asker's data:
    they go to the model behind the rules, and widen no reach. ``exchange`` are the tools that were
    called for this question, with their results; those that may be called are in ``tuning``.
    ``max_tokens`` 0: as many as the installation gives.
    """

    history: tuple[Turn, ...] = ()
    exchange: tuple[Turn, ...] = ()
    instructions: str = ""
    tuning: Tuning = UNTUNED
    max_tokens: int = 0

    @property
    def has_tools(self) -> bool:
        return self.tuning.tools is not None

    @property
    def offered(self) -> int:
        """Estimated tokens of the tools that may be called."""
        return estimate_tokens(self.tuning.tools.offered) if self.tuning.tools else 0

    def room_beside_tools(self, context_tokens: int) -> int:
        """Of the context, for all but the tools and their results: at least half, since documents
        come first. Raises AppError CONTEXT_TOO_LONG: a result that is cut may say something else."""
        taken = self.offered + sum(cost_of(turn) for turn in self.exchange)
        if taken * 2 > context_tokens:
            raise AppError(ErrorCode.CONTEXT_TOO_LONG, most=context_tokens // 2, tokens=taken)
        return context_tokens - taken


NO_WISHES = Wishes()
