"""Shapes of topics and rules for programs."""

from typing import Any

from rest_framework import serializers

from apps.accounts.models import Group
from apps.applications.models import Application, ApplicationKey
from apps.topics.models import Effect, Topic, TopicRule
from apps.topics.services import LONGEST_PROMPT
from apps.topics.words import LONGEST_PATTERN, LONGEST_WORD, MOST


def _lines(longest: int, **kwargs: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=longest), max_length=MOST, **kwargs
    )


class TopicIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    words = _lines(LONGEST_WORD, required=False, help_text="`salar*` finds salary and salaries.")
    patterns = _lines(LONGEST_PATTERN, required=False, help_text="Regular expressions of RE2.")
    prompt = serializers.CharField(
        max_length=LONGEST_PROMPT,
        required=False,
        allow_blank=True,
        help_text="What the kind is, for the language model.",
    )


class TopicPatch(TopicIn):
    name = serializers.CharField(max_length=100, required=False)


class TopicOut(serializers.ModelSerializer[Topic]):
    words = serializers.ListField(child=serializers.CharField())
    patterns = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Topic
        fields = ("id", "name", "words", "patterns", "prompt", "created_at", "updated_at")


def _named(model: Any, **kwargs: Any) -> Any:
    return serializers.PrimaryKeyRelatedField(
        queryset=model.objects.all(), many=True, pk_field=serializers.UUIDField(), **kwargs
    )


class TopicRuleIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    effect = serializers.ChoiceField(choices=Effect.choices)
    topics = _named(Topic, allow_empty=False)
    groups = _named(Group, required=False, help_text="With the groups in them.")
    applications = _named(Application, required=False)
    application_keys = _named(ApplicationKey, required=False)
    personal_keys = _lines(20, required=False, help_text="How keys of people begin.")
    sentence_en = serializers.CharField(max_length=300, required=False, allow_blank=True)
    sentence_zh = serializers.CharField(max_length=300, required=False, allow_blank=True)
    is_active = serializers.BooleanField(required=False)


class TopicRulePatch(TopicRuleIn):
    name = serializers.CharField(max_length=100, required=False)
    effect = serializers.ChoiceField(choices=Effect.choices, required=False)
    topics = _named(Topic, allow_empty=False, required=False)


class _PersonalKey(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    prefix = serializers.CharField()


class TopicRuleOut(serializers.ModelSerializer[TopicRule]):
    personal_keys = _PersonalKey(many=True)

    class Meta:
        model = TopicRule
        fields = (
            "id",
            "name",
            "effect",
            "topics",
            "groups",
            "applications",
            "application_keys",
            "personal_keys",
            "sentence_en",
            "sentence_zh",
            "is_active",
            "created_at",
            "updated_at",
        )


class TryIn(serializers.Serializer[Any]):
    question = serializers.CharField(max_length=8000)


class VerdictOut(serializers.Serializer[Any]):
    rule = serializers.UUIDField()
    name = serializers.CharField()
    effect = serializers.ChoiceField(choices=Effect.choices)
    topic = serializers.CharField(help_text="The topic that the question is of; empty: of none.")
    by = serializers.CharField(help_text="What told so: `word`, `pattern` or `model`.")
    refused = serializers.BooleanField(help_text="Whether the rule would refuse the question.")


class TryOut(serializers.Serializer[Any]):
    rules = VerdictOut(many=True)
