"""Django behind ASGI, with one step into a thread for a whole request.

Every view here is synchronous. Django's own handler goes into a thread and back for each middleware
that has something to do, some thirty times a request; beside a busy event loop each of these waits
for the interpreter. Here middlewares and view run one after the other in the thread of the request.
"""

from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse

from apps.core.late import LateResponse


class OneStepHandler(ASGIHandler):
    """Answers as Django does; a ``LateResponse`` is waited for on the event loop."""

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)

    async def run_get_response(self, request: HttpRequest) -> HttpResponseBase:
        answered: Any = sync_to_async(self._answered, thread_sensitive=True)
        response: HttpResponseBase = await answered(request)
        vars(response)["_handler_class"] = type(self)
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if isinstance(response, LateResponse):
            await response.settle()
        return response

    def _answered(self, request: HttpRequest) -> HttpResponseBase:
        """What the view says. A stream goes on for minutes and touches the database in threads of
        its own: the connection of this thread would be held for nothing until the last byte."""
        response: HttpResponseBase = self.get_response(request)
        if isinstance(response, StreamingHttpResponse) and response.is_async:
            close_old_connections()
        return response
