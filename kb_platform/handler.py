"""Django behind ASGI, with one step into a thread for a whole request.

Every view here is synchronous. Django's own handler goes into a thread and back for each middleware
that has something to do, some thirty times a request; beside a busy event loop each of these waits
for the interpreter. Here middlewares and view run one after the other in the thread of the request.
"""

from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.http import FileResponse, HttpRequest, HttpResponseBase

from apps.core.late import LateResponse


class OneStepHandler(ASGIHandler):
    """Answers as Django does; a ``LateResponse`` is waited for on the event loop."""

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)

    async def run_get_response(self, request: HttpRequest) -> HttpResponseBase:
        answered: Any = sync_to_async(self.get_response, thread_sensitive=True)
        response: HttpResponseBase = await answered(request)
        vars(response)["_handler_class"] = type(self)
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if isinstance(response, LateResponse):
            await response.settle()
        return response
