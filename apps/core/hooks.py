"""How a lower app lets higher ones act when something ends, without knowing them.

Higher apps connect in ``AppConfig.ready``. Unlike signals there is one list a thing, in order, and
a failing listener fails the caller: what must be erased must not be skipped silently.
"""

from collections.abc import Callable
from typing import Generic, ParamSpec
from uuid import UUID

P = ParamSpec("P")


class Hook(Generic[P]):
    """An ordered list of functions that are all called with the same arguments."""

    def __init__(self) -> None:
        self._listeners: list[Callable[P, None]] = []

    def connect(self, listener: Callable[P, None]) -> None:
        """Add a function, once."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        for listener in self._listeners:
            listener(*args, **kwargs)


# Called with the id of a document whose stored text is being removed, in a system scope.
document_erased: Hook[[UUID]] = Hook()

# Called with the ids of collections whose rows are about to go, in a system scope and inside the
# transaction that removes them.
collections_removed: Hook[[frozenset[UUID]]] = Hook()
