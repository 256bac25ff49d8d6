"""POST /v1/chat/completions: a question to a workspace, by any program that speaks OpenAI."""

from uuid import UUID

from django.db import close_old_connections
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from apps.chat import services
from apps.chat.running import Collected
from apps.core.aio import run_async
from apps.core.drf import STATUS
from apps.core.errors import ErrorCode
from apps.dialects import plain
from apps.dialects.asked import ChatBody, asked
from apps.dialects.rooms import PLAIN, Room, no_model, room_of
from apps.dialects.said import Voice, completion
from apps.dialects.streaming import begun, chunks, whole
from apps.dialects.view import DialectView, failure, parsed
from apps.gateway import offers
from apps.permissions.scope import current_scope
from apps.search.reach import named_collections
from apps.workspaces.models import Workspace


class ChatCompletionsView(DialectView):
    """The same answer as on the pages: the caller's rights, checked citations, refusals.

    The conversation is forgotten when the answer has been given, unless ``store`` is true.
    """

    http_method_names = ["post", "options"]

    def post(self, request: Request) -> HttpResponseBase:
        body = parsed(ChatBody, request.data)
        if body.model.startswith(PLAIN):
            return plain.answered(body)
        wanted = asked(body)
        room = room_of(body.model)
        opened = services.ask(
            question=wanted.question,
            workspace=room.workspace,
            collection_ids=_collections(body, room.workspace),
            mode=body.footnote.mode,
            model=_model(body, room),
            wishes=wanted.wishes,
            # One that may end in calls is kept only when there is an answer.
            is_passing=not body.store or wanted.wishes.has_tools,
        )
        voice = Voice(opened.turn_id, room.name, is_kept=bool(body.store))
        # Nothing of the database is held while the model talks.
        close_old_connections()
        if body.stream:
            return _streamed(opened, voice, counts=_counts(body))
        said = run_async(whole(opened, is_kept=voice.is_kept))
        return _failure(said) if said.error_code else Response(completion(voice, said))


def _model(body: ChatBody, room: Room) -> str | None:
    """The language model that the caller named. Raises AppError NOT_FOUND for one of others."""
    name = body.footnote.model or room.model
    if name and not offers.my_models().filter(name=name).exists():
        raise no_model()
    return name


def _counts(body: ChatBody) -> bool:
    return bool(body.stream_options and body.stream_options.include_usage)


def _collections(body: ChatBody, workspace: Workspace | None) -> list[UUID] | None:
    """Those that the caller named, all readable and of the workspace; None: nothing was named."""
    if not body.footnote.collections:
        return None
    rooms = [str(workspace.pk)] if workspace else []
    named = named_collections(workspaces=rooms, collections=body.footnote.collections)
    return sorted(named or ())


def _streamed(opened: services.Opened, voice: Voice, *, counts: bool) -> HttpResponseBase:
    failed = run_async(begun(opened, is_kept=voice.is_kept))
    if failed is not None:
        return _failure(failed)
    response = StreamingHttpResponse(
        chunks(opened, voice, current_scope(), counts=counts),
        content_type="text/event-stream; charset=utf-8",
    )
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


def _failure(said: Collected) -> Response:
    code = ErrorCode(said.error_code)
    return failure(code, status=STATUS.get(code, 500))
