"""Asking for machines: one answer as JSON, or the frames of an answer as server-sent events."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.db import close_old_connections
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.chat import running, services
from apps.chat.models import Turn
from apps.chat.queries import VisibleTurn, visible_turns
from apps.chat.serializers import AgainIn, AnswerOut, ChatIn, FrameOut, RatingIn, TurnOut
from apps.chat.sse import events
from apps.core.aio import run_async
from apps.core.drf import (
    IDEMPOTENCY_KEY,
    STATUS,
    ApiView,
    checked,
    error_response,
    errors,
    whole_number,
)
from apps.core.errors import AppError, ErrorCode
from apps.core.idempotency import REPLAYED, Once, once
from apps.permissions.roles import Permission
from apps.permissions.scope import ScopeDenied, current_scope
from apps.search.reach import named_collections

_FRAME = {
    "event": "delta",
    "id": "23",
    "data": '{"type":"delta","n":23,"text":"The notice period is ","kind":"text"}',
}
_ANSWER = {
    "conversation": "0192f0c2-11aa-7cc3-98c4-dc0c0c07398f",
    "turn": "0192f0c2-22bb-7cc3-98c4-dc0c0c07398f",
    "state": "complete",
    "answer": "The notice period is three months [1].",
    "refused": False,
    "citations": [
        {
            "number": 1,
            "chunk": "6f1c1c0e-0c55-5a0c-9d7e-3a1c59a2a001",
            "document": "0192f0c1-5f9e-7cc3-98c4-dc0c0c07398f",
            "document_name": "Lease 2024.pdf",
            "collection": "0192f0c1-4a11-7d5e-8f10-aa0c0c07398f",
            "page": 7,
            "headings": ["Termination"],
            "boxes": [[7, 0.12, 0.31, 0.88, 0.37]],
            "quote": "The notice period is three months to the end of a quarter.",
            "around": "",
            "edited": None,
            "marks": [[0, 58]],
            "url": "/d/0192f0c1-5f9e-7cc3-98c4-dc0c0c07398f?page=7",
        }
    ],
    "sources": [],
    "unsupported": [],
    "model": "qwen2.5-coder-1.5b",
    "first_token_ms": 900,
    "took_ms": 4100,
    "prompt_tokens": 812,
    "completion_tokens": 24,
}


class ChatView(ApiView):
    @extend_schema(
        operation_id="chat",
        summary="Ask a question and get a cited answer",
        description="With `stream` the answer comes as text/event-stream: `started`, `sources` "
        "before the first word, `delta`s, then one of `done`, `stopped`, `error`. Leaving does "
        "not stop the answer: follow it again at /turns/{turn}/frames. Without `stream` the call "
        "returns when the answer is complete. When the model is down it is 503, and "
        "`details.sources` has what was found.",
        tags=["chat"],
        parameters=[IDEMPOTENCY_KEY],
        request=ChatIn,
        responses={
            (200, "application/json"): OpenApiResponse(
                AnswerOut, examples=[OpenApiExample("Answered", value=_ANSWER)]
            ),
            (200, "text/event-stream"): OpenApiResponse(
                FrameOut, examples=[OpenApiExample("A piece of the answer", value=_FRAME)]
            ),
            **errors(400, 403, 404, 409, 502, 503),
        },
        examples=[
            OpenApiExample(
                "In one workspace",
                value={"message": "What is the notice period?", "workspaces": ["contracts"]},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> HttpResponseBase:
        write = once(request)
        wanted = checked(ChatIn, request.data)
        if write and (kept := write.begin()):
            return _again(UUID(kept), is_stream=wanted["stream"])
        opened = _opened(partial(_asked, wanted), write)
        return _answered(opened, is_stream=wanted["stream"])


def _answered(opened: services.Opened, *, is_stream: bool) -> HttpResponseBase:
    if not is_stream:
        # Nothing of the database is held while the model talks.
        close_old_connections()
        return _summed(run_async(running.answer_once(opened)))
    run_async(running.start(opened))
    return stream(opened.turn_id)


def _asked(wanted: dict[str, Any]) -> services.Opened:
    return services.ask(
        question=wanted["message"],
        conversation_id=wanted["conversation"],
        parent_id=wanted["parent"],
        mode=wanted["mode"],
        **_where(wanted),
    )


def _opened(ask: Callable[[], services.Opened], write: Once | None) -> services.Opened:
    """The question, saved; a write that is sent again will find it."""
    opened = None
    try:
        opened = ask()
    finally:
        if write and opened is None:
            write.forget()
    if write:
        write.keep(str(opened.turn_id))
    return opened


def _where(wanted: dict[str, Any]) -> dict[str, Any]:
    """One whole workspace stays a workspace, with its mode and its prompt; else collections."""
    rooms, collections = wanted["workspaces"], wanted["collections"]
    named = named_collections(workspaces=rooms, collections=collections)
    if named is not None and not named:  # an empty list would mean: everything
        raise AppError(ErrorCode.NOT_FOUND, status=404, field="workspaces")
    if len(rooms) == 1:
        return {
            "workspace": rooms[0],
            "collection_ids": sorted(named or ()) if collections else None,
        }
    return {"workspace": None, "collection_ids": sorted(named) if named else None}


def stream(turn_id: UUID, *, after: int = 0) -> StreamingHttpResponse:
    body = events(turn_id, current_scope(), after=after)
    response = StreamingHttpResponse(body, content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


def _summed(said: running.Collected) -> Response:
    if said.error_code:
        code = ErrorCode(said.error_code)
        details = {
            "conversation": str(said.conversation_id),
            "turn": str(said.turn_id),
            "sources": said.sources,
        }
        return error_response(code, status=STATUS.get(code, 500), details=details)
    return Response(
        {
            "conversation": said.conversation_id,
            "turn": said.turn_id,
            "state": said.state,
            "answer": said.text,
            "refused": said.is_refused,
            "citations": [source for source in said.sources if source["number"] in said.cited],
            "sources": said.sources,
            "unsupported": said.unsupported,
            "model": said.model,
            "first_token_ms": said.first_token_ms,
            "took_ms": said.took_ms,
            "prompt_tokens": said.prompt_tokens,
            "completion_tokens": said.completion_tokens,
        }
    )


def _again(turn_id: UUID, *, is_stream: bool) -> HttpResponseBase:
    """The same question sent twice: the answer that the first one got, as far as it may be read."""
    response: HttpResponseBase
    if is_stream:
        Turn.objects.get(pk=turn_id)
        response = stream(turn_id)
    else:
        response = _summed(run_async(running.collect(turn_id)))
    response[REPLAYED] = "true"
    return response


# --- turns ---------------------------------------------------------------------------------------
class TurnView(ApiView):
    def place(self, *, turn: UUID) -> Turn:
        return Turn.objects.select_related("conversation").get(pk=turn)

    @extend_schema(
        operation_id="turns_get",
        summary="A question with its answer",
        tags=["chat"],
        responses={200: TurnOut, **errors(404)},
    )
    def get(self, request: Request, turn: UUID) -> Response:
        return Response(TurnOut(_visible(self.place(turn=turn))).data)


def _visible(turn: Turn) -> VisibleTurn:
    return next(seen for seen in visible_turns(turn.conversation) if seen.id == turn.pk)


class TurnFramesView(TurnView):
    @extend_schema(
        operation_id="turns_frames",
        summary="Follow an answer, running or finished",
        description="The frames of /chat, from the start, or after the number in `after` or in "
        "the header Last-Event-ID.",
        tags=["chat"],
        parameters=[OpenApiParameter("after", int, description="Number of the last frame seen.")],
        responses={
            (200, "text/event-stream"): OpenApiResponse(FrameOut),
            **errors(400, 404),
        },
    )
    def get(self, request: Request, turn: UUID) -> HttpResponseBase:  # type: ignore[override]
        found = self.place(turn=turn)
        seen = request.query_params.get("after") or request.headers.get("Last-Event-ID") or "0"
        if (number := whole_number(seen)) is None:
            raise ValidationError({"after": [_("A frame has a number.")]})
        return stream(found.pk, after=number)


class TurnAgainView(TurnView):
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="turns_again",
        summary="Ask again, or another question in its place",
        description="Beside the turn, as another branch of the conversation: nothing is lost. "
        "Answers as /chat does.",
        tags=["chat"],
        parameters=[IDEMPOTENCY_KEY],
        request=AgainIn,
        responses={
            (200, "application/json"): OpenApiResponse(AnswerOut),
            (200, "text/event-stream"): OpenApiResponse(FrameOut),
            **errors(400, 403, 404, 409, 502, 503),
        },
    )
    def post(self, request: Request, turn: UUID) -> HttpResponseBase:
        found = self.place(turn=turn)
        write = once(request)
        wanted = checked(AgainIn, request.data)
        if write and (kept := write.begin()):
            return _again(UUID(kept), is_stream=wanted["stream"])
        if wanted["message"]:
            ask = partial(services.edit, turn_id=found.pk, question=wanted["message"])
        else:
            ask = partial(services.regenerate, turn_id=found.pk)
        return _answered(_opened(ask, write), is_stream=wanted["stream"])


class TurnStopView(TurnView):
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="turns_stop",
        summary="Stop a running answer",
        description="What was said so far is kept. Stopping one that has ended changes nothing.",
        tags=["chat"],
        request=None,
        responses={202: None, **errors(404)},
    )
    def post(self, request: Request, turn: UUID) -> Response:
        found = self.place(turn=turn)
        _require_ask()
        run_async(running.stop(found.pk))
        return Response(status=202)


class TurnRateView(TurnView):
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="turns_rate",
        summary="Say whether an answer helped",
        tags=["chat"],
        request=RatingIn,
        responses={200: TurnOut, **errors(400, 403, 404)},
    )
    def post(self, request: Request, turn: UUID) -> Response:
        found = self.place(turn=turn)
        _require_ask()
        services.rate(turn=found, **checked(RatingIn, request.data))
        return Response(TurnOut(_visible(found)).data)


def _require_ask() -> None:
    """Whoever may ask somewhere may also stop and rate what they asked."""
    scope = current_scope()
    if not any(Permission.ASK in held for held in scope.workspaces.values()):
        raise ScopeDenied(Permission.ASK)


urlpatterns = [
    path("chat", ChatView.as_view(), name="chat"),
    path("turns/<uuid:turn>", TurnView.as_view(), name="turn"),
    path("turns/<uuid:turn>/frames", TurnFramesView.as_view(), name="turn-frames"),
    path("turns/<uuid:turn>/again", TurnAgainView.as_view(), name="turn-again"),
    path("turns/<uuid:turn>/stop", TurnStopView.as_view(), name="turn-stop"),
    path("turns/<uuid:turn>/rate", TurnRateView.as_view(), name="turn-rate"),
]
