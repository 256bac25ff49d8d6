"""Answers that are being written: each a task of its own that belongs to nobody's socket.

Sockets and event streams *follow* one, from the start or from where they were; "stop" cancels it;
the end of the process cancels and gathers all. What was said goes to SQL about once a second, so
that another process can show an answer, or ask for its stop through a flag.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from django.db import DatabaseError

from apps.chat import framing, services
from apps.chat.answer import answer
from apps.chat.frames import ServerFrame, Source
from apps.chat.models import Turn
from apps.chat.queries import calls_of, finish_of, is_withheld, tokens_of
from apps.chat.rights import may_read_now
from apps.chat.services import Opened
from apps.chat.stored import stored
from apps.core.aio import in_thread
from apps.core.errors import ErrorCode
from apps.permissions.scope import current_scope

log = logging.getLogger(__name__)

PULSE_S = 1.0
RIGHTS_S = 1.0
POLL_S = 0.7
KEPT_S = 60.0
SHUTDOWN_S = 10.0


@dataclass(eq=False, slots=True)
class _Running:
    """One answer with its frames so far."""

    opened: Opened
    frames: list[ServerFrame] = field(default_factory=list)
    said: dict[str, list[str]] = field(default_factory=lambda: {"text": [], "thinking": []})
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    is_stopping: bool = False
    is_over: bool = False

    def add(self, frame: ServerFrame) -> None:
        self.frames.append(frame)
        if frame["type"] == "delta":
            self.said[frame["kind"]].append(frame["text"])
        self._tell()

    def end(self) -> None:
        self.is_over = True
        self._tell()
        # Whoever follows keeps the old list; who comes later gets the same in fewer pieces.
        self.frames = framing.merged(self.frames)
        self.said.clear()

    def stop(self) -> None:
        """Cancel the task; one that has not begun yet is cancelled with its first frame, since a
        task cancelled before it runs would record nothing."""
        self.is_stopping = True
        if self.frames and self.task is not None:
            self.task.cancel()

    def failed(self, code: ErrorCode) -> ServerFrame:
        """An error behind everything that was said."""
        said = framing.said_by(self.frames[-1]) if self.frames else 0
        return framing.failed(self.opened.turn_id, code, said=said)

    def _tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


_running: dict[UUID, _Running] = {}


async def start(opened: Opened) -> UUID:
    """Begin to answer, in the scope of the caller, whether or not anybody follows."""
    entry = _Running(opened)
    _running[opened.turn_id] = entry
    entry.task = asyncio.create_task(_run(entry), name=f"answer {opened.turn_id}")
    return opened.turn_id


async def _run(entry: _Running) -> None:
    pulse = asyncio.create_task(_pulse(entry), name=f"pulse {entry.opened.turn_id}")
    try:
        async with aclosing(answer(entry.opened)) as frames:
            async for frame in frames:
                entry.add(frame)
                if entry.is_stopping and len(entry.frames) == 1 and entry.task is not None:
                    entry.task.cancel()
    except Exception:
        log.exception("an answer could not be recorded")
        entry.add(entry.failed(ErrorCode.INTERNAL))
    finally:
        entry.end()
        pulse.cancel()
        forget = partial(_running.pop, entry.opened.turn_id, None)
        asyncio.get_running_loop().call_later(KEPT_S, forget)


async def _pulse(entry: _Running) -> None:
    """Write down what was said, show that the answer lives, and look for a stop from elsewhere."""
    while True:
        await asyncio.sleep(PULSE_S)
        beat = partial(
            services.beat,
            turn_id=entry.opened.turn_id,
            answer="".join(entry.said["text"]),
            thinking="".join(entry.said["thinking"]),
        )
        try:
            goes_on = await in_thread(beat)
        except DatabaseError:
            log.warning("the partial answer could not be saved; the next second may", exc_info=True)
            continue
        if not goes_on:
            entry.stop()
            return


async def stop(turn_id: UUID) -> None:
    """Stop an answer of the current person, wherever it runs; one that has ended stays as it is."""

    def flag() -> None:
        services.request_stop(turn=Turn.objects.get(pk=turn_id))

    await in_thread(flag)
    entry = _running.get(turn_id)
    if entry is not None and not entry.is_over:
        entry.stop()


async def stop_all() -> None:
    """Stop every answer of this process and wait until each is recorded."""
    tasks = [entry.task for entry in _running.values() if entry.task and not entry.is_over]
    for entry in list(_running.values()):
        entry.stop()
    if tasks:
        await asyncio.wait(tasks, timeout=SHUTDOWN_S)


# --- following ----------------------------------------------------------------------------------


async def follow(turn_id: UUID, after: int = 0) -> AsyncGenerator[ServerFrame, None]:
    """The frames of an answer of the current person: those numbered above ``after``, all for 0.

    For an answer that runs here, that runs in another process, or that has ended. The rights to
    it are looked at again each second; once they are gone the last frame is ANSWER_WITHHELD.
    Raises Turn.DoesNotExist. Read it with ``aclosing``.
    """
    entry = _running.get(turn_id)
    if entry is None:
        frames = _stored_frames(turn_id)
    elif entry.opened.owner_id == current_scope().actor_id:
        frames = _running_frames(entry)
    else:
        raise Turn.DoesNotExist
    async with aclosing(frames):
        async for frame in frames:
            rest = framing.behind(frame, after)
            if rest is not None:
                yield rest


async def _running_frames(entry: _Running) -> AsyncGenerator[ServerFrame, None]:
    """``rights_until``: when the reader's rights have to be looked at again. The scope that was
    entered for this reading is fresh, so at first it is enough to compare with it."""
    frames, seen = entry.frames, 0
    if await in_thread(partial(is_withheld, entry.opened.turn_id)):
        yield entry.failed(ErrorCode.ANSWER_WITHHELD)
        return
    rights_until = time.monotonic() + RIGHTS_S
    while not (entry.is_over and seen == len(frames)):
        news = entry.news  # taken before looking, so that nothing is missed
        batch = frames[seen:]
        if batch and time.monotonic() > rights_until:
            if not await in_thread(partial(may_read_now, entry.opened.turn_id)):
                yield entry.failed(ErrorCode.ANSWER_WITHHELD)
                return
            rights_until = time.monotonic() + RIGHTS_S
        for frame in batch:
            yield frame
        seen += len(batch)
        if seen == len(frames) and not entry.is_over:
            await news.wait()


async def _stored_frames(turn_id: UUID) -> AsyncGenerator[ServerFrame, None]:
    """An answer as SQL has it, polled while another process is writing it."""
    now = await in_thread(partial(stored, turn_id))
    if not now.turn.is_withheld:
        yield now.started()
    has_sources, thinking, text = False, 0, 0
    while not now.turn.is_withheld:
        if now.has_sources and not has_sources:
            has_sources = True
            yield now.sources()
        if not now.turn.is_running:
            yield now.last(said=thinking + text)
            return
        for frame in now.deltas(thinking=thinking, text=text):
            yield frame
        thinking = max(thinking, len(now.turn.thinking))
        text = max(text, len(now.turn.answer))
        await asyncio.sleep(POLL_S)
        now = await in_thread(partial(stored, turn_id))
    yield framing.failed(turn_id, ErrorCode.ANSWER_WITHHELD, said=thinking + text)


# --- the sum of a stream ------------------------------------------------------------------------


@dataclass(slots=True)
class Collected:
    """A whole answer, for callers that do not want it piece by piece."""

    turn_id: UUID
    conversation_id: UUID | None = None
    text: str = ""
    sources: list[Source] = field(default_factory=list)
    cited: list[int] = field(default_factory=list)
    unsupported: list[list[int]] = field(default_factory=list)
    is_refused: bool = False
    note: str = ""
    state: str = Turn.State.RUNNING.value
    error_code: str = ""
    message: str = ""
    model: str = ""
    took_ms: int | None = None
    first_token_ms: int | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)

    def add(self, frame: ServerFrame) -> None:
        match frame["type"]:
            case "started":
                self.conversation_id = UUID(frame["conversation"])
            case "sources":
                self.sources, self.note = frame["sources"], frame["note"]
            case "done":
                self.text, self.cited = frame["text"], frame["cited"]
                self.unsupported, self.is_refused = frame["unsupported"], frame["refused"]
                self.model, self.took_ms = frame["model"], frame["took_ms"]
                self.first_token_ms = frame["first_token_ms"]
                self.state = (Turn.State.REFUSED if self.is_refused else Turn.State.COMPLETE).value
            case "stopped":
                self.text, self.cited = frame["text"], frame["cited"]
                self.state = Turn.State.STOPPED.value
            case "error":
                self.text, self.error_code = frame["text"], frame["code"]
                self.message, self.state = frame["message"], Turn.State.FAILED.value
            case "delta":
                pass


async def answer_once(opened: Opened) -> Collected:
    """Start an answer and wait for its end, in the scope of the caller."""
    await start(opened)
    return await collect(opened.turn_id)


async def collect(turn_id: UUID) -> Collected:
    """Wait for the end of an answer that runs somewhere or has ended."""
    collected = Collected(turn_id)
    async with aclosing(follow(turn_id)) as frames:
        async for frame in frames:
            collected.add(frame)
    await with_figures(collected)
    if collected.error_code == ErrorCode.ANSWER_WITHHELD:
        collected.sources = []
    return collected


def _add_figures(collected: Collected) -> None:
    turn_id = collected.turn_id
    collected.prompt_tokens, collected.completion_tokens = tokens_of(turn_id)
    collected.finish = finish_of(turn_id)
    if collected.state == Turn.State.COMPLETE:
        collected.calls = calls_of(turn_id)


async def with_figures(collected: Collected) -> Collected:
    """What the frames of an answer do not tell: tokens, why it ended, the tools to be called."""
    await in_thread(partial(_add_figures, collected))
    return collected
