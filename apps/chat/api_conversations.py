"""The caller's own conversations."""

from typing import Any
from uuid import UUID

from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.chat.models import Conversation
from apps.chat.queries import conversations, find_conversations, shown_title, visible_turns
from apps.chat.serializers import (
    ConversationOut,
    ConversationWithTurnsOut,
    FoundConversationsOut,
    TitleIn,
    TurnOut,
)
from apps.chat.services import delete_conversation, rename_conversation
from apps.core.drf import CURSOR, LIMIT, ApiView, checked, errors, page, page_of

_TITLES = {"title_of": shown_title}


class ConversationsView(ApiView):
    @extend_schema(
        operation_id="conversations_list",
        summary="Your conversations",
        tags=["conversations"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(ConversationOut, "ConversationPage"), **errors(400)},
    )
    def get(self, request: Request) -> Response:
        return page(request, conversations(), ConversationOut, context=_TITLES)


class ConversationSearchView(ApiView):
    """Asked as a page asks it: the newest that hold the words, in one answer."""

    @extend_schema(
        operation_id="conversations_find",
        summary="Search in your conversations",
        description="In titles, questions and answers, those left out that you may no longer "
        "read. The newest 20.",
        tags=["conversations"],
        parameters=[OpenApiParameter("q", str, required=True, description="A part of the text.")],
        responses={200: FoundConversationsOut, **errors(400)},
    )
    def get(self, request: Request) -> Response:
        if not (wanted := request.query_params.get("q", "").strip()):
            raise ValidationError({"q": [_("Say what to look for.")]})
        return Response(FoundConversationsOut({"items": find_conversations(wanted)}).data)


class ConversationView(ApiView):
    def place(self, *, conversation: UUID) -> Conversation:
        return conversations().get(pk=conversation)

    @extend_schema(
        operation_id="conversations_get",
        summary="A conversation with its turns and their sources",
        description="Turns that drew from documents you can no longer open come without words.",
        tags=["conversations"],
        responses={200: ConversationWithTurnsOut, **errors(404)},
    )
    def get(self, request: Request, conversation: UUID) -> Response:
        return Response(_with_turns(self.place(conversation=conversation)))

    @extend_schema(
        operation_id="conversations_rename",
        summary="Rename a conversation",
        tags=["conversations"],
        request=TitleIn,
        responses={200: ConversationOut, **errors(400, 404)},
    )
    def patch(self, request: Request, conversation: UUID) -> Response:
        found = self.place(conversation=conversation)
        rename_conversation(conversation=found, **checked(TitleIn, request.data))
        fresh = self.place(conversation=conversation)
        return Response(ConversationOut(fresh, context=_TITLES).data)

    @extend_schema(
        operation_id="conversations_delete",
        summary="Delete a conversation",
        tags=["conversations"],
        responses={204: None, **errors(404)},
    )
    def delete(self, request: Request, conversation: UUID) -> Response:
        delete_conversation(conversation=self.place(conversation=conversation))
        return Response(status=204)


def _with_turns(conversation: Conversation) -> dict[str, Any]:
    turns = TurnOut(visible_turns(conversation), many=True).data
    return {**ConversationOut(conversation, context=_TITLES).data, "turns": turns}


urlpatterns = [
    path("conversations", ConversationsView.as_view(), name="conversations"),
    path("conversations/find", ConversationSearchView.as_view(), name="conversations-find"),
    path("conversations/<uuid:conversation>", ConversationView.as_view(), name="conversation"),
]
