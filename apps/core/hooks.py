"""How a lower app lets higher ones act when something ends, without knowing them.

Higher apps connect in ``AppConfig.ready``. Unlike signals there is one list a thing, in order, and
a failing listener fails the caller: what must be erased must not be skipped silently.
"""

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Ending:
    """A collection or a workspace that is about to go. ``id`` becomes the id of its receipt."""

    id: UUID
    kind: str
    object_id: UUID
    name: str
    workspace_id: UUID
    workspace_name: str
    actor_id: UUID | None
    collections: frozenset[UUID]


# Called with the id of a person before their account is deactivated, or stops being an administrator,
# by hand. A listener refuses by raising AppError.
administrator_ends: Hook[[UUID]] = Hook()

# Called with the ids of a key and of the one that takes its place, inside the transaction that makes
# it: what the old one was kept to, the new one is.
key_replaced: Hook[[UUID, UUID]] = Hook()

# Called with the id of a document whose stored text is being removed, in a system scope.
document_erased: Hook[[UUID]] = Hook()

# Called with the id of a collection and external_ids that a program says are gone, after their
# documents were removed, in the scope of whoever said so. To the last list a listener adds the id of
# work that it ended and that would still have brought documents of them.
external_ids_removed: Hook[[UUID, list[str], list[UUID]]] = Hook()

# Called with the ids of collections whose rows are about to go, in a system scope and inside the
# transaction that removes them.
collections_removed: Hook[[frozenset[UUID]]] = Hook()

# The same moment, before ``collections_removed``: everything that will go can still be counted.
place_ending: Hook[[Ending]] = Hook()

# Called with the id of an identity source whose rules were changed.
rules_changed: Hook[[UUID]] = Hook()
