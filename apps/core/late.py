"""An answer whose status is known only when its first piece is: no thread waits for that."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from django.http import HttpResponse, StreamingHttpResponse


class LateResponse(StreamingHttpResponse):
    """Pieces that are made on the event loop. ``settle`` waits for the first one; where that fails,
    the answer becomes ``refusal(error)``: its status, headers and body, before anything was sent.

    ``is_whole``: there is one piece, whose length is told.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        *,
        content_type: str,
        refusal: Callable[[Exception], HttpResponse],
        is_whole: bool = False,
    ) -> None:
        self._pieces, self._refusal, self._is_whole = pieces, refusal, is_whole
        self._first: bytes | None = None
        super().__init__(self._all(), content_type=content_type)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Whoever stops reading closes the pieces themselves: Django's own wrappers would leave
        that, and a model server at work, to the garbage collector."""
        return self._all()

    async def settle(self) -> None:
        """Wait for the first piece. Cancelled (nobody waits any more), the pieces are closed."""
        if self._first is not None:
            return
        try:
            self._first = await anext(self._pieces, b"")
        except Exception as error:  # noqa: BLE001 - outermost: whatever it is, it has an answer
            self._become(self._refusal(error))
        except BaseException:
            await self._pieces.aclose()
            raise
        if self._is_whole:
            self.headers["Content-Length"] = str(len(self._first or b""))

    def _become(self, other: HttpResponse) -> None:
        self.status_code, self._first = other.status_code, other.content
        for name, value in other.items():
            self.headers[name] = value

    async def _all(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._pieces):
            await self.settle()
            if self._first:
                yield self._first
            async for piece in self._pieces:
                yield piece
