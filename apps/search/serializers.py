"""Shapes of a search in the API."""

from typing import Any

from rest_framework import serializers

from apps.documents.serializers import EditedOut
from apps.rag.retrieve import Mode

MOST_HITS = 100
MOST_NAMED = 500
LONGEST_QUERY = 8000


class ReachIn(serializers.Serializer[Any]):
    """Where to look. Neither list: everywhere you may read."""

    workspaces = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        default=list,
        max_length=MOST_NAMED,
        help_text="Slugs or ids. A workspace is narrowed by those of its collections that are "
        "named as well.",
    )
    collections = serializers.ListField(
        child=serializers.UUIDField(), required=False, default=list, max_length=MOST_NAMED
    )


class SearchIn(ReachIn):
    query = serializers.CharField(max_length=LONGEST_QUERY)
    limit = serializers.IntegerField(min_value=1, max_value=MOST_HITS, default=10)
    mode = serializers.ChoiceField(choices=[mode.value for mode in Mode], default=Mode.HYBRID.value)
    as_of = serializers.DateField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Documents that are valid on that day; left out: today.",
    )


class _DocumentOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    collection = serializers.UUIDField()


class HitOut(serializers.Serializer[Any]):
    document = _DocumentOut()
    external_id = serializers.CharField(allow_blank=True)
    chunk = serializers.UUIDField()
    page = serializers.IntegerField(allow_null=True)
    headings = serializers.ListField(child=serializers.CharField())
    boxes = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        help_text="[page, x0, y0, x1, y1], as fractions of the page from its top left.",
    )
    score = serializers.FloatField(help_text="Comparable within one answer only.")
    ranks = serializers.DictField(
        child=serializers.ListField(child=serializers.FloatField()),
        help_text="Per side that found it (`dense`, `keyword`): [rank from 1, that side's score].",
    )
    text = serializers.CharField()
    edited = EditedOut(
        allow_null=True, help_text="Where a person changed the text or added it; else null."
    )


class _SideOut(serializers.Serializer[Any]):
    side = serializers.ChoiceField(choices=["dense", "keyword"])
    voted = serializers.BooleanField(help_text="Its ranks counted.")
    silence = serializers.CharField(help_text="Why it did not, e.g. `language`, `unavailable`.")
    found = serializers.IntegerField()
    took_ms = serializers.FloatField()


class _FenceOut(serializers.Serializer[Any]):
    candidates = serializers.IntegerField()
    dropped = serializers.IntegerField(help_text="Out of date in the index, or not yours to read.")


class TraceOut(serializers.Serializer[Any]):
    mode = serializers.CharField()
    language = serializers.CharField()
    took_ms = serializers.FloatField()
    sides = _SideOut(many=True)
    fence = _FenceOut()
    reranked = serializers.BooleanField()


class SearchOut(serializers.Serializer[Any]):
    query = serializers.CharField()
    hits = HitOut(many=True)
    trace = TraceOut()
