"""What a program brings along with its question."""

from dataclasses import dataclass

from apps.rag.ports import UNTUNED, Tuning, Turn


@dataclass(frozen=True, slots=True)
class Wishes:
    """Words and limits of the asker's own, within those of the installation and the workspace.

    ``history`` stands for that of the conversation; it and ``instructions`` are the asker's data:
    they go to the model behind the rules, and widen no reach. ``max_tokens`` 0: as many as the
    installation gives.
    """

    history: tuple[Turn, ...] = ()
    instructions: str = ""
    tuning: Tuning = UNTUNED
    max_tokens: int = 0


NO_WISHES = Wishes()
