"""Live news about the documents of one collection: a page then fetches the changed rows."""

import asyncio
import time
from functools import partial
from typing import Any, cast
from uuid import UUID

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from apps.core.aio import in_thread
from apps.events.services import group_of
from apps.workspaces.middleware import scope_of_socket

NOT_FOUND = 4404
GATHER_S = 1.0


class DocumentsConsumer(AsyncJsonWebsocketConsumer):
    """Sends ``{"type": "changed", "document": id}``, each document at most once a second.

    Whether the reader may still read the collection is asked again before anything is sent.
    """

    collection: UUID
    group = ""

    async def connect(self) -> None:
        self.collection = self.scope["url_route"]["kwargs"]["collection"]
        self._changed: set[str] = set()
        self._sent = 0.0
        self._sender: asyncio.Task[None] | None = None
        if not await self._may_read():
            await self.accept()  # a close before the handshake carries no code
            await self.close(code=NOT_FOUND)
            return
        self.group = group_of(self.collection)
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)
        if self._sender is not None:
            self._sender.cancel()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Nothing is expected from a page; a word from it is answered, so that it knows we live."""
        await self.send_json({"type": "alive"})

    async def documents_changed(self, message: dict[str, Any]) -> None:
        """From ``events.services.announce``."""
        self._changed.update(map(str, message.get("documents", [message.get("document", "")])))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_gathered())

    async def _send_gathered(self) -> None:
        await asyncio.sleep(max(0.0, self._sent + GATHER_S - time.monotonic()))
        self._sent = time.monotonic()
        changed, self._changed = self._changed, set()
        if not await self._may_read():
            await self.close(code=NOT_FOUND)
            return
        for document in sorted(changed):
            await self.send_json({"type": "changed", "document": document})

    async def _may_read(self) -> bool:
        scope = await in_thread(partial(scope_of_socket, cast("dict[str, Any]", self.scope)))
        return self.collection in scope.readable
