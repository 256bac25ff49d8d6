"""A language model asked as it is: no documents, no conversation, nothing kept but the numbers.

For programs, where an administrator lets a model be asked so. Who may ask, rules about topics,
budgets, versions that are tried, places at a full server and accounts are as for every question.
"""

from collections.abc import Sequence
from uuid import NAMESPACE_OID, UUID, uuid5

from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from apps.core.drf import exception_handler
from apps.core.errors import AppError, ErrorCode
from apps.core.ids import uuid7
from apps.core.late import LateResponse
from apps.core.openai_errors import openai_error_body
from apps.dialects import spoken
from apps.dialects.asked import ChatBody, Message, require_answerable
from apps.dialects.rooms import PLAIN, no_model
from apps.dialects.spoken import Speech
from apps.dialects.view import refused
from apps.gateway import limits
from apps.gateway import services as gateway
from apps.gateway.services import Asked, Plan
from apps.permissions.roles import Permission
from apps.permissions.scope import ScopeDenied, current_scope
from apps.rag.ports import Speaker, Tuning, Turn
from apps.rag.tokens import estimate_tokens
from apps.topics import services as topics

_SPEAKERS = {"user": Speaker.USER, "assistant": Speaker.ASSISTANT}


def answered(body: ChatBody) -> HttpResponseBase:
    """The answer of ``plain/NAME``, streamed or whole. Raises AppError, or ScopeDenied without the
    right to ask anywhere; what a model server refuses becomes the status of the answer."""
    spoken_of = _require_askable(body)
    plan = _plan(body, spoken_of)
    _require_topics_allowed(spoken_of)
    speech = _reserved(body, plan, _turns(plan, spoken_of))
    is_streamed = bool(body.stream)
    counts = bool(body.stream_options and body.stream_options.include_usage)
    response = LateResponse(
        spoken.pieces(speech, counts=counts) if is_streamed else spoken.whole(speech),
        content_type="text/event-stream; charset=utf-8" if is_streamed else "application/json",
        refusal=_refusal,
        is_whole=not is_streamed,
    )
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


def _require_askable(body: ChatBody) -> Sequence[Message]:
    scope = current_scope()
    if not any(scope.allows(Permission.ASK, room) for room in scope.workspaces):
        raise ScopeDenied(Permission.ASK)
    require_answerable(body)
    if body.footnote.model_fields_set:
        raise refused("A model without documents has none to choose from.", param="footnote")
    is_offered = body.tools and body.tool_choice != "none"
    if is_offered or any(each.role == "tool" or each.tool_calls for each in body.messages):
        raise refused("A model without documents is offered no tools.", param="tools")
    if body.messages[-1].role != "user" or not body.messages[-1].text.strip():
        raise refused("The last message must be the user's.", param="messages")
    return body.messages


def _require_topics_allowed(messages: Sequence[Message]) -> None:
    """The model answers to all that it reads: each message of the user is a question."""
    question, *others = reversed(messages)
    topics.require_allowed(
        question.text,
        earlier=[each.text for each in others if each.role == "user" and each.text.strip()],
        beside=[each.text for each in others if each.role != "user" and each.text.strip()],
    )


def _plan(body: ChatBody, messages: Sequence[Message]) -> Plan:
    """Raises AppError NOT_FOUND for a model that is not there, not for this caller, or not to be
    asked without documents: all look the same."""
    name = body.model.removeprefix(PLAIN)
    tuning = Tuning(body.temperature, body.top_p, tuple(body.stop))
    try:
        asked = Asked(messages[-1].text, name, tuning, conversation=_conversation(messages))
        plan = gateway.plan(asked)
    except AppError as error:
        raise no_model() from error
    if plan.version is None or plan.name != name or not plan.version.model.is_plain:
        raise no_model()
    return plan


def _conversation(messages: Sequence[Message]) -> UUID:
    """The same for all that a program asks in one conversation: it begins with the same message.
    So that it stays with its version, and with the server that has read it."""
    first = next(message.text for message in messages if message.role == "user")
    return uuid5(NAMESPACE_OID, f"{current_scope().actor_id} {first}")


def _turns(plan: Plan, messages: Sequence[Message]) -> list[Turn]:
    own = [Turn(Speaker.SYSTEM, plan.instructions)] if plan.instructions else []
    turns = [Turn(_SPEAKERS.get(each.role, Speaker.SYSTEM), each.text) for each in messages]
    return own + [turn for turn in turns if turn.text]


def _reserved(body: ChatBody, plan: Plan, turns: list[Turn]) -> Speech:
    """Everything that the model needs, with a place in every budget that it counts towards."""
    most = plan.settings.max_tokens
    wanted = body.max_completion_tokens or body.max_tokens or most
    turn_id, max_tokens = uuid7(), min(wanted, most)
    read = sum(estimate_tokens(turn.text) for turn in turns)
    limits.reserve_alone(turn_id=turn_id, tokens=read + max_tokens)
    return Speech(turn_id, body.model, plan, turns, max_tokens, current_scope())


def _refusal(error: Exception) -> HttpResponse:
    """An error before the first word, in OpenAI's shape."""
    found = exception_handler(error, {})
    if found is None:
        spoken.log.error("an answer failed", exc_info=error)
        body = openai_error_body(ErrorCode.INTERNAL, status=500)
        return JsonResponse(body, status=500)
    said, status = found.data["error"], found.status_code
    body = openai_error_body(said["code"], status=status, details=said["details"])
    response = JsonResponse(body, status=status)
    if "Retry-After" in found:
        response["Retry-After"] = found["Retry-After"]
    return response
