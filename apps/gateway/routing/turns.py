"""Who is next at a full server: people before batches, then departments in turn. No clock, no loop."""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """Waiting ones by group. Groups are served in turn, within a group who came first; a batch
    only when nobody else waits. Not safe for threads: the owner holds a lock."""

    def __init__(self) -> None:
        self._people: OrderedDict[str, deque[T]] = OrderedDict()
        self._batch: OrderedDict[str, deque[T]] = OrderedDict()

    def __len__(self) -> int:
        lanes = (self._people, self._batch)
        return sum(len(waiting) for lane in lanes for waiting in lane.values())

    def join(self, one: T, *, group: str, is_batch: bool = False) -> None:
        lane = self._batch if is_batch else self._people
        lane.setdefault(group, deque()).append(one)

    def leave(self, one: T) -> bool:
        """False where it was not waiting any more."""
        for lane in (self._people, self._batch):
            for group, waiting in lane.items():
                if one in waiting:
                    waiting.remove(one)
                    if not waiting:
                        del lane[group]
                    return True
        return False

    def next(self) -> T | None:
        """Take who is next; its group goes to the end."""
        for lane in (self._people, self._batch):
            if lane:
                group, waiting = lane.popitem(last=False)
                one = waiting.popleft()
                if waiting:
                    lane[group] = waiting
                return one
        return None

    def ahead(self, one: T) -> int:
        """How many are served before this one, if nobody else comes; the length where it does not
        wait."""
        copy: Line[T] = Line()
        copy._people = OrderedDict((g, deque(w)) for g, w in self._people.items())
        copy._batch = OrderedDict((g, deque(w)) for g, w in self._batch.items())
        for place in range(len(self)):
            if copy.next() is one:
                return place
        return len(self)
