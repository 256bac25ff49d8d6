"""A lane: one thread with one model, batching whatever several requests wait for."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from apps.engines.adapters.token_engine import Numbers, TokenEngine, cut
from apps.rag.ports import EngineBusy

_WINDOW_BATCHES = 4
_FIRST_GUESS_TOKENS_PER_S = 2_000.0


class _Request:
    """The texts of one request, and what is still missing of its answer."""

    def __init__(self, rows: list[list[int]]) -> None:
        self.rows = rows
        self.vectors: list[Numbers | None] = [None] * len(rows)
        self.missing = len(rows)
        self.done: Future[list[Numbers]] = Future()

    def put(self, place: int, vector: Numbers) -> None:
        self.vectors[place] = vector
        self.missing -= 1
        if not self.missing and not self.done.done():
            self.done.set_result([row for row in self.vectors if row is not None])

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Lane(threading.Thread):
    """Embeds in batches of alike lengths, cut by tokens, across requests."""

    def __init__(
        self,
        name: str,
        load: Callable[[], TokenEngine],
        *,
        batch_tokens: int,
        most_waiting: int,
    ) -> None:
        super().__init__(name=f"lane {name}", daemon=True)
        self._load = load
        self._batch_tokens, self._most_waiting = batch_tokens, most_waiting
        self._engine: TokenEngine | None = None
        self._pieces: deque[tuple[_Request, int]] = deque()
        self._changed = threading.Condition()
        self._is_ending = False
        self._tokens_per_s = _FIRST_GUESS_TOKENS_PER_S
        self._waiting_tokens = 0
        self.is_ready = threading.Event()
        self.problem: Exception | None = None
        self.batches = self.tokens = 0

    @property
    def engine(self) -> TokenEngine:
        """The model. Raises EngineBusy until it is loaded, and what went wrong if it was not."""
        if self.problem:
            raise self.problem
        if self._engine is None:
            raise EngineBusy("the model is being loaded", retry_after=1.0)
        return self._engine

    @property
    def waiting(self) -> int:
        """Texts that nobody works on yet."""
        return len(self._pieces)

    def submit(self, rows: list[list[int]]) -> Future[list[Numbers]]:
        """Vectors of these rows of ids. Raises EngineBusy when too many wait."""
        if self.problem:
            raise self.problem
        request = _Request(rows)
        with self._changed:
            if self._pieces and len(self._pieces) + len(rows) > self._most_waiting:
                seconds = self._waiting_tokens / self._tokens_per_s
                raise EngineBusy("the queue is full", retry_after=min(max(seconds, 1.0), 30.0))
            self._pieces += ((request, place) for place in range(len(rows)))
            self._waiting_tokens += sum(map(len, rows))
            self._changed.notify()
        return request.done

    def finish(self) -> None:
        """Work off what waits, then end."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()
        self.join()

    def run(self) -> None:
        """Load the model, then until ``finish``."""
        try:
            self._engine = self._load()
        except Exception as error:  # noqa: BLE001 - the thread's outermost: requests are told
            self.problem = error
        finally:
            self.is_ready.set()
        while not self.problem:
            window = self._window()
            if not window:
                return
            self._work(window)

    def _window(self) -> list[tuple[_Request, int]]:
        """The next texts, oldest first, enough for a few batches; none when the lane ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._is_ending)
            window: list[tuple[_Request, int]] = []
            tokens = 0
            while self._pieces and tokens < _WINDOW_BATCHES * self._batch_tokens:
                window.append(self._pieces.popleft())
                tokens += len(window[-1][0].rows[window[-1][1]])
            self._waiting_tokens -= tokens
        return window

    def _work(self, window: Sequence[tuple[_Request, int]]) -> None:
        lengths = [len(request.rows[place]) for request, place in window]
        for batch in cut(lengths, self._batch_tokens):
            members = [window[i] for i in batch]
            started = time.monotonic()
            try:
                vectors = self.engine.embed([request.rows[place] for request, place in members])
            except Exception as error:  # noqa: BLE001 - the thread's outermost: requests are told
                for request, _ in members:
                    request.fail(error)
                continue
            for (request, place), vector in zip(members, vectors, strict=True):
                request.put(place, vector)
            self._measure(sum(lengths[i] for i in batch), time.monotonic() - started)

    def _measure(self, tokens: int, seconds: float) -> None:
        self.batches += 1
        self.tokens += tokens
        if seconds > 0:
            self._tokens_per_s = 0.8 * self._tokens_per_s + 0.2 * tokens / seconds
