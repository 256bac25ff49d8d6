"""Shapes of questions, answers and conversations in the API."""

from typing import Any

from rest_framework import serializers

from apps.chat.models import Conversation, Turn
from apps.documents.serializers import EditedOut
from apps.search.serializers import LONGEST_QUERY, ReachIn
from apps.workspaces.models import AnswerMode


class ChatIn(ReachIn):
    message = serializers.CharField(max_length=LONGEST_QUERY)
    conversation = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="Goes on with this conversation."
    )
    parent = serializers.UUIDField(  # type: ignore[assignment] # a field, not the serializer above
        required=False, allow_null=True, default=None, help_text="The turn to go on from."
    )
    mode = serializers.ChoiceField(
        choices=AnswerMode.choices,
        required=False,
        allow_null=True,
        default=None,
        help_text="A workspace of documents only stays so.",
    )
    stream = serializers.BooleanField(default=False, help_text="Answer as text/event-stream.")


class FrameOut(serializers.Serializer[Any]):
    """One event of a stream; ``data`` is JSON, see docs/api.md."""

    event = serializers.CharField(help_text="The `type` of the frame.")
    id = serializers.CharField(help_text="Its number, for Last-Event-ID.")
    data = serializers.CharField(  # type: ignore[assignment] # a field, not the values
        help_text="JSON with the same `type` and number, and the rest."
    )


class SourceOut(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="The n of [n] in the answer.")
    chunk = serializers.CharField()
    document = serializers.CharField()
    document_name = serializers.CharField(allow_blank=True)
    collection = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    headings = serializers.ListField(child=serializers.CharField())
    boxes = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
    quote = serializers.CharField(allow_blank=True)
    around = serializers.CharField(
        allow_blank=True, help_text="All that the model was shown, where it is more than the quote."
    )
    edited = EditedOut(
        allow_null=True, help_text="Where a person had changed the text or added it; else null."
    )
    marks = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))
    url = serializers.CharField(allow_blank=True, help_text="The page that opens at the passage.")


class AnswerOut(serializers.Serializer[Any]):
    conversation = serializers.UUIDField()
    turn = serializers.UUIDField()
    state = serializers.ChoiceField(choices=[state.value for state in Turn.State])
    answer = serializers.CharField(allow_blank=True, help_text="With [n] where a source is cited.")
    refused = serializers.BooleanField(help_text="The documents do not answer the question.")
    citations = SourceOut(many=True, help_text="The sources that the answer cites.")
    sources = SourceOut(many=True, help_text="All that the model was given.")
    unsupported = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        help_text="[start, end] of sentences that no cited source says.",
    )
    model = serializers.CharField(allow_blank=True)
    first_token_ms = serializers.IntegerField(allow_null=True)
    took_ms = serializers.IntegerField(allow_null=True)
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()


class TurnOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    parent = serializers.UUIDField(  # type: ignore[assignment] # a field, as above
        source="parent_id", allow_null=True
    )
    question = serializers.CharField(allow_blank=True)
    answer = serializers.CharField(allow_blank=True)
    state = serializers.CharField()
    error_code = serializers.CharField(allow_blank=True)
    is_withheld = serializers.BooleanField(
        help_text="It drew from documents that you can no longer open: its words are left out."
    )
    cited = serializers.ListField(child=serializers.IntegerField())
    sources = SourceOut(many=True)
    rating = serializers.CharField(allow_blank=True)
    rating_reason = serializers.CharField(allow_blank=True)
    model = serializers.CharField(allow_blank=True)
    took_ms = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()


class ConversationOut(serializers.ModelSerializer[Conversation]):
    title = serializers.SerializerMethodField()
    workspace = serializers.UUIDField(source="workspace_id", allow_null=True)

    class Meta:
        model = Conversation
        fields = ("id", "title", "workspace", "created_at", "updated_at")

    def get_title(self, conversation: Conversation) -> str:
        # What a conversation is called tells what it drew from: withheld with it.
        return self.context["title_of"](conversation)  # type: ignore[no-any-return]


class ConversationWithTurnsOut(ConversationOut):
    turns = TurnOut(many=True)

    class Meta(ConversationOut.Meta):
        fields = (*ConversationOut.Meta.fields, "turns")  # type: ignore[assignment]


class FoundConversationOut(serializers.Serializer[Any]):
    conversation = serializers.UUIDField(source="conversation_id")
    title = serializers.CharField()
    snippet = serializers.CharField(help_text="Around the words; empty where the title has them.")
    turn = serializers.UUIDField(source="turn_id", allow_null=True)
    updated_at = serializers.DateTimeField()


class FoundConversationsOut(serializers.Serializer[Any]):
    items = FoundConversationOut(many=True)


class AgainIn(serializers.Serializer[Any]):
    message = serializers.CharField(
        max_length=LONGEST_QUERY,
        required=False,
        allow_blank=True,
        default="",
        help_text="Another question in its place; empty asks the same once more.",
    )
    stream = serializers.BooleanField(default=False, help_text="Answer as text/event-stream.")


class TitleIn(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=120)


class RatingIn(serializers.Serializer[Any]):
    rating = serializers.ChoiceField(
        choices=[("helpful", "helpful"), ("not_helpful", "not helpful"), ("", "take it back")]
    )
    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")
