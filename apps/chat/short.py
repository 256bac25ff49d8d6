"""``POST /api/chat``: one question, one answer, for integrations that want no more than that."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ObjectDoesNotExist
from django.db import close_old_connections
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.authentication import ApiKeyAuthentication
from apps.accounts.models import User
from apps.chat import running, services
from apps.chat.api import stream
from apps.chat.frames import LONGEST_QUESTION
from apps.chat.models import Conversation
from apps.chat.serializers import FrameOut
from apps.core.aio import run_async
from apps.core.drf import STATUS, ApiView, checked, exception_handler, short_error
from apps.core.errors import AppError, ErrorCode
from apps.permissions.roles import Permission
from apps.permissions.scope import Scope, ScopeDenied, entered
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.resolvers import Call, Caller, caller_of


class ShortIn(serializers.Serializer[Any]):
    workspace = serializers.CharField(max_length=60, help_text="Its slug: where to look.")
    question = serializers.CharField(max_length=LONGEST_QUESTION)
    conversation = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="Goes on with this conversation."
    )
    stream = serializers.BooleanField(
        default=False, help_text="Answer as text/event-stream, with the frames of /api/v1/chat."
    )
    api_token = serializers.CharField(
        required=False,
        default="",
        max_length=200,
        help_text="The key, for programs that cannot send an Authorization header.",
    )
    user_id = serializers.CharField(
        required=False,
        default="",
        max_length=254,
        help_text="E-mail, login name or id of the asker. It is compared and gives no right: an "
        "application says for whom it asks in X-On-Behalf-Of, signed.",
    )


class ShortCitation(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="The n of [n] in the answer.")
    document = serializers.CharField(help_text="Its name.")
    page = serializers.IntegerField(allow_null=True)
    quote = serializers.CharField(allow_blank=True)
    url = serializers.CharField(allow_blank=True, help_text="The page that opens at the passage.")


class ShortOut(serializers.Serializer[Any]):
    answer = serializers.CharField(help_text="With [n] where a source is cited.")
    refused = serializers.BooleanField(help_text="The documents do not answer the question.")
    citations = ShortCitation(many=True)
    conversation = serializers.UUIDField()
    turn = serializers.UUIDField()


class ShortErrorOut(serializers.Serializer[Any]):
    error = serializers.CharField(help_text="A sentence.")
    code = serializers.ChoiceField(choices=[code.value for code in ErrorCode])
    details = serializers.DictField()


def _error(sentence: str, code: ErrorCode, description: str) -> OpenApiResponse:
    value: dict[str, Any] = {"error": sentence, "code": code.value, "details": {}}
    example = OpenApiExample(code.value, value=value)
    return OpenApiResponse(ShortErrorOut, description=description, examples=[example])


_REQUEST = {"workspace": "contracts", "question": "What is the notice period?"}
_ANSWER = {
    "answer": "The notice period is three months [1].",
    "refused": False,
    "citations": [
        {
            "number": 1,
            "document": "Lease 2024.pdf",
            "page": 7,
            "quote": "The notice period is three months to the end of a quarter.",
            "url": "/d/0192f0c1-5f9e-7cc3-98c4-dc0c0c07398f?page=7",
        }
    ],
    "conversation": "0192f0c2-11aa-7cc3-98c4-dc0c0c07398f",
    "turn": "0192f0c2-22bb-7cc3-98c4-dc0c0c07398f",
}
_DENIED = "The asker may read nothing of this workspace, or it does not exist: both look the same."


@method_decorator(login_not_required, name="dispatch")
class ShortChatView(ApiView):
    """Takes a key and nothing else: a session that comes along asks nothing here."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = ()

    @extend_schema(
        operation_id="chat_short",
        summary="Ask in one line, for integrations",
        description="The answer in one field, and every error a plain sentence in `error`. What "
        "may be read is what the key, and the person it asks for, may read.",
        tags=["chat"],
        request=ShortIn,
        responses={
            (200, "application/json"): OpenApiResponse(
                ShortOut, examples=[OpenApiExample("Answered", value=_ANSWER)]
            ),
            (200, "text/event-stream"): OpenApiResponse(FrameOut),
            400: _error(
                "The request is not understood. See the details for what to change.",
                ErrorCode.BAD_REQUEST,
                "Something in the request is missing or has the wrong shape.",
            ),
            401: _error("Invalid API token", ErrorCode.INVALID_KEY, "No key, or one not valid."),
            403: _error("Permission denied for this query", ErrorCode.FORBIDDEN, _DENIED),
            429: _error(
                "Too many requests at once. Wait a moment.",
                ErrorCode.TOO_MANY_REQUESTS,
                "See Retry-After.",
            ),
            503: _error(
                "The model does not answer at the moment. Below is what was found; try again later.",
                ErrorCode.ENGINE_UNAVAILABLE,
                "See Retry-After.",
            ),
        },
        examples=[OpenApiExample("In one workspace", value=_REQUEST, request_only=True)],
    )
    def post(self, request: Request) -> HttpResponseBase:
        body = request._request.body  # noqa: SLF001 - read before it is parsed, for its signature
        data, fault = _parsed(request)
        user, scope = _who(request, str(data.get("api_token") or ""), body)
        if fault is not None:  # who has no key is not told what is wrong with the body
            raise fault
        with scope:
            wanted = checked(ShortIn, request.data)
            _require_is(user, wanted["user_id"])
            opened = _opened(wanted)
            if wanted["stream"]:
                run_async(running.start(opened))
                return stream(opened.turn_id)
            # Nothing of the database is held while the model talks.
            close_old_connections()
            return _summed(run_async(running.answer_once(opened)))

    def handle_exception(self, exc: Exception) -> Response:
        response = exception_handler(exc, {})
        if response is None:
            raise exc
        error = response.data["error"]
        response.data = short_error(error["code"], error["details"])
        return response


def _parsed(request: Request) -> tuple[dict[str, Any], APIException | None]:
    try:
        return (request.data if isinstance(request.data, dict) else {}), None
    except APIException as fault:
        return {}, fault


def _who(
    request: Request, token: str, body: bytes
) -> tuple[User, AbstractContextManager[Scope | None]]:
    """Who the key speaks for, and their scope: already entered for a key in the header, which the
    scope middleware has resolved; a key in the body is resolved here."""
    asked = request._request  # noqa: SLF001 - DRF's name for it
    if request.auth is not None and isinstance(request.user, User):
        return request.user, nullcontext()
    found = _by_token(request, token, body)
    asked.allowance = found.allowance  # type: ignore[attr-defined] # written on the answer
    if found.allowance is not None and not found.allowance.is_allowed:
        wait = found.allowance.reset_s
        raise AppError(ErrorCode.TOO_MANY_REQUESTS, status=429, retry_after=wait)
    return found.user, entered(found.scope)


def _by_token(request: Request, token: str, body: bytes) -> Caller:
    address = str(request.META.get("REMOTE_ADDR", ""))
    is_free = "Authorization" not in request.headers
    found = caller_of(Call(token, request.headers, address, lambda: body)) if is_free else None
    if found is None:
        raise AppError(ErrorCode.INVALID_KEY, status=401)
    return found


def _require_is(user: User, said: str) -> None:
    """Whoever is named has to be the one the key speaks for: a name alone gives nobody's rights."""
    said = said.strip().casefold()
    if said and said not in {user.email.casefold(), user.login.casefold(), str(user.pk)}:
        raise ScopeDenied(Permission.ASK)


def _opened(wanted: dict[str, Any]) -> services.Opened:
    """The question, saved. All that cannot be asked is refused alike: whether the workspace exists
    is not told to who may read nothing in it."""
    try:
        room = Workspace.objects.get(slug=wanted["workspace"])
        if not Collection.objects.filter(workspace=room).exists():
            raise ScopeDenied(Permission.DOCUMENT_READ)
        _require_there(wanted["conversation"], room)
        return services.ask(
            question=wanted["question"],
            conversation_id=wanted["conversation"],
            workspace=room,
        )
    except ObjectDoesNotExist as error:
        raise ScopeDenied(Permission.ASK) from error


def _require_there(conversation: UUID | None, room: Workspace) -> None:
    """A conversation is gone on with where it is: its questions reach its workspace."""
    if conversation is not None:
        Conversation.objects.get(pk=conversation, workspace=room)


def _summed(said: running.Collected) -> Response:
    if said.error_code:
        code = ErrorCode(said.error_code)
        status = STATUS.get(code, 500)
        details = {"conversation": str(said.conversation_id), "turn": str(said.turn_id)}
        response = Response(short_error(code, details), status=status)
        if status == 503:
            response["Retry-After"] = "2"
        return response
    cited = [source for source in said.sources if source["number"] in said.cited]
    return Response(
        {
            "answer": said.text,
            "refused": said.is_refused,
            "citations": [
                {
                    "number": source["number"],
                    "document": source["document_name"],
                    "page": source["page"],
                    "quote": source["quote"],
                    "url": source["url"],
                }
                for source in cited
            ],
            "conversation": said.conversation_id,
            "turn": said.turn_id,
        }
    )
