"""The chat socket: each frame is checked, obeyed as the person who they are *now*, and answered by
following turns. It starts answers and does not own them."""

import asyncio
import json
import logging
import time
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from django.core.exceptions import ObjectDoesNotExist
from django.utils import translation

from apps.accounts.language import language_of
from apps.accounts.models import User
from apps.accounts.sessions.sockets import request_of
from apps.chat import framing, running, services
from apps.chat.frames import ClientFrame, ServerFrame, parsed
from apps.chat.services import Opened
from apps.core.aio import in_thread
from apps.core.errors import AppError, ErrorCode
from apps.core.origin import came_from
from apps.permissions.scope import Scope, ScopeDenied, entered
from apps.workspaces.middleware import address_of_socket, scope_of_socket

log = logging.getLogger(__name__)

SIGNED_OUT = 4401
MOST_FOLLOWED = 50
ASK_AGAIN_S = 0.9


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who is at the other end at this moment."""

    scope: Scope
    language: str


class ChatConsumer(AsyncWebsocketConsumer):
    """Server frames go out from one task per followed turn, so that a "stop" is heard at once.

    ``disconnect`` may never be called (a dead Redis closes sockets without it); it only ends the
    following, which ends by itself when the answer does.
    """

    # Without a channel layer: nothing here needs one, and a dead Redis then closes no chat.
    channel_layer_alias = ""

    async def connect(self) -> None:
        self.followed: dict[UUID, asyncio.Task[None]] = {}
        self.seen_at = time.monotonic()
        # Accepted first: a browser is not told the code of a socket that was never open.
        await self.accept()
        if await in_thread(partial(_reader, self.scope)) is None:
            await self.close(code=SIGNED_OUT)

    async def disconnect(self, code: int) -> None:
        for task in self.followed.values():
            task.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        reader = await in_thread(partial(_reader, self.scope))
        if reader is None:
            await self.close(code=SIGNED_OUT)
            return
        address = address_of_socket(self.scope)
        language = translation.override(reader.language)
        with came_from(address), entered(reader.scope), language:
            frame: ClientFrame | None = None
            try:
                frame = parsed(text_data)
                await self._obey(frame)
            except Exception as error:  # noqa: BLE001 - outermost: the socket stays open
                await self._tell(_refused(frame, error))

    async def _obey(self, frame: ClientFrame) -> None:
        match frame["type"]:
            case "follow":
                self._follow(frame["turn"], after=frame.get("after", 0))
            case "stop":
                await running.stop(frame["turn"])
            case "ask" | "regenerate" | "edit":
                opened = await in_thread(partial(_opened, frame))
                self._follow(await running.start(opened))

    def _follow(self, turn_id: UUID, *, after: int = 0) -> None:
        earlier = self.followed.pop(turn_id, None)
        if earlier is not None:
            earlier.cancel()
        if len(self.followed) >= MOST_FOLLOWED:
            raise AppError(ErrorCode.TOO_MANY_REQUESTS, status=429)
        task = asyncio.create_task(self._pass_on(turn_id, after), name=f"follow {turn_id}")
        self.followed[turn_id] = task

    async def _pass_on(self, turn_id: UUID, after: int) -> None:
        try:
            async with aclosing(running.follow(turn_id, after)) as frames:
                async for frame in frames:
                    if not await self._is_still_there() or not await self._tell(frame):
                        return
        except Exception as error:  # noqa: BLE001 - outermost of this task
            await self._tell(framing.failed(turn_id, _code_of(error)))
        finally:
            if self.followed.get(turn_id) is asyncio.current_task():
                del self.followed[turn_id]

    async def _is_still_there(self) -> bool:
        """Closes a socket whose session ended while an answer was on its way; asked each second."""
        if time.monotonic() - self.seen_at < ASK_AGAIN_S:
            return True
        self.seen_at = time.monotonic()
        if await in_thread(partial(_reader, self.scope)) is not None:
            return True
        await self.close(code=SIGNED_OUT)
        return False

    async def _tell(self, frame: ServerFrame) -> bool:
        """Send a frame; False when the socket is gone, which nobody may have said."""
        try:
            await self.send(text_data=json.dumps(frame, ensure_ascii=False))
        except (OSError, RuntimeError):
            return False
        return True


def _opened(frame: ClientFrame) -> Opened:
    """The question of a frame, saved."""
    match frame["type"]:
        case "ask":
            return services.ask(
                question=frame["text"],
                conversation_id=frame.get("conversation"),
                workspace=frame.get("workspace"),
                collection_ids=frame.get("collections"),
                mode=frame.get("mode"),
                model=frame.get("model"),
                parent_id=frame.get("parent"),
                request=frame.get("request", ""),
            )
        case "regenerate":
            return services.regenerate(turn_id=frame["turn"], request=frame.get("request", ""))
        case "edit":
            return services.edit(
                turn_id=frame["turn"], question=frame["text"], request=frame.get("request", "")
            )
        case _:
            msg = "not a question"
            raise ValueError(msg)


def _refused(frame: ClientFrame | None, error: Exception) -> ServerFrame:
    """The answer to a frame that was not obeyed."""
    code = _code_of(error)
    sentence = error.sentence if isinstance(error, AppError) else ""
    if frame is not None and (frame["type"] == "follow" or frame["type"] == "stop"):
        return framing.failed(frame["turn"], code)
    request = frame.get("request", "") if frame is not None else ""
    return framing.failed(None, code, request=str(request), sentence=sentence)


def _code_of(error: Exception) -> ErrorCode:
    match error:
        case AppError():
            return error.code
        case ScopeDenied():
            return ErrorCode.FORBIDDEN
        case ObjectDoesNotExist():
            return ErrorCode.NOT_FOUND
        case _:
            log.error("a chat frame failed", exc_info=error)
            return ErrorCode.INTERNAL


def _reader(socket: Any) -> _Reader | None:
    """The person of this socket, read anew: None when signed out, deactivated or unknown."""
    request = request_of(socket)
    scope = scope_of_socket(socket)
    if scope.actor_id is None:
        return None
    if not isinstance(request.user, User):
        request.user = User.objects.get(pk=scope.actor_id)
    return _Reader(scope, language_of(request))
