"""Shapes of sources in the API."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.accounts.serializers import PersonOut
from apps.core.errors import message_of
from apps.sources.connectors import KINDS
from apps.sources.models import Source, SourceRun
from apps.sources.queries import WORDS, one_followed, state_of
from apps.sources.services import LEAST_MINUTES

RUN_STATES = ("queued", "running", "done", "partly", "asking", "failed")
SOURCE_STATES = tuple(WORDS)
KIND_NAMES = tuple(KINDS)
MOST_MINUTES = 60 * 24 * 31
MOST_IDS = 100_000


def _settings_described() -> str:
    """What each kind wants, for the schema."""
    return " ".join(
        f"{kind}: {', '.join(connector.form.base_fields)}." for kind, connector in KINDS.items()
    )


class ScheduleIn(serializers.Serializer[Any]):
    """Every so many minutes, or daily at a time; neither: only when somebody starts it."""

    every_minutes = serializers.IntegerField(required=False, min_value=0, max_value=MOST_MINUTES)
    daily_at = serializers.TimeField(required=False, allow_null=True)

    def validate(self, attrs: Any) -> Any:
        every = attrs.get("every_minutes", 0)
        if every and attrs.get("daily_at"):
            raise serializers.ValidationError(_("Give every_minutes or daily_at, not both."))
        if 0 < every < LEAST_MINUTES:
            raise serializers.ValidationError(
                {"every_minutes": _("At least %(n)d.") % {"n": LEAST_MINUTES}}
            )
        return {"every_minutes": every, "daily_at": attrs.get("daily_at")}


class SourceTryIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=KIND_NAMES)
    settings = serializers.DictField(help_text=_settings_described())


class SourceIn(SourceTryIn):
    name = serializers.CharField(max_length=120)
    schedule = ScheduleIn(required=False)


class SourcePatch(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, required=False)
    settings = serializers.DictField(
        required=False, help_text="All of them; a password that is left out stays."
    )
    schedule = ScheduleIn(required=False)
    is_on = serializers.BooleanField(required=False, help_text="false: paused.")


class SourceRunIn(serializers.Serializer[Any]):
    full = serializers.BooleanField(
        default=False, help_text="Also what did not change, and what was deleted here by hand."
    )


class SourceConfirmIn(serializers.Serializer[Any]):
    remove = serializers.IntegerField(min_value=1, help_text="The `to_remove` of the last run.")


class _ProblemOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class SourceRunOut(serializers.ModelSerializer[SourceRun]):
    state = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    problems = serializers.SerializerMethodField(help_text="The first 200.")

    class Meta:
        model = SourceRun
        fields = (
            *("id", "state", "seen", "added", "changed", "unchanged", "removed", "skipped"),
            *("failed", "to_remove", "bytes", "error", "problems"),
            *("created_at", "started_at", "finished_at"),
        )

    @extend_schema_field(serializers.ChoiceField(choices=RUN_STATES))
    def get_state(self, run: SourceRun) -> str:
        return state_of(run)

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_error(self, run: SourceRun) -> dict[str, str] | None:
        if not run.error_code:
            return None
        return {"code": run.error_code, "message": message_of(run.error_code)}

    @extend_schema_field(_ProblemOut(many=True))
    def get_problems(self, run: SourceRun) -> list[dict[str, str]]:
        return [{**each, "message": message_of(each["code"])} for each in run.problems]


class CollectionSourceOut(serializers.ModelSerializer[Source]):
    """Passwords and keys are never shown; ``has_secrets`` says whether some are stored."""

    collection = serializers.UUIDField(source="collection_id")
    has_secrets = serializers.SerializerMethodField()
    owner = PersonOut(allow_null=True, help_text="With whose rights it acts.")
    state = serializers.SerializerMethodField()
    documents = serializers.SerializerMethodField()
    last_run = serializers.SerializerMethodField()

    class Meta:
        model = Source
        fields = (
            *("id", "collection", "name", "kind", "settings", "has_secrets", "owner"),
            *("every_minutes",),
            *("daily_at", "is_on", "state", "documents", "next_run_at", "last_run"),
            *("created_at", "updated_at"),
        )

    def to_representation(self, instance: Source) -> Any:
        self._row = one_followed(instance)
        return super().to_representation(instance)

    def get_has_secrets(self, source: Source) -> bool:
        return bool(source.secrets)

    @extend_schema_field(serializers.ChoiceField(choices=SOURCE_STATES))
    def get_state(self, _source: Source) -> str:
        return self._row.state

    def get_documents(self, _source: Source) -> int:
        return self._row.documents

    @extend_schema_field(SourceRunOut(allow_null=True))
    def get_last_run(self, _source: Source) -> Any:
        last = self._row.last
        return None if last is None else SourceRunOut(last).data


class StepOut(serializers.Serializer[Any]):
    words = serializers.CharField()
    passed = serializers.BooleanField(source="is_passed")
    found = serializers.CharField()
    code = serializers.CharField(help_text="Why it stopped here; empty when it did not.")
    message = serializers.SerializerMethodField()

    def get_message(self, step: Any) -> str:
        return message_of(step.code) if step.code else ""


class StepsOut(serializers.Serializer[Any]):
    steps = StepOut(many=True)


class ExternalIdsIn(serializers.Serializer[Any]):
    """All external_ids that exist now; documents with another one are removed."""

    external_ids = serializers.ListField(
        child=serializers.CharField(max_length=255), max_length=MOST_IDS
    )
    prefix = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=200,
        help_text="Only documents whose external_id begins so are looked at.",
    )
    remove = serializers.IntegerField(
        default=0,
        min_value=0,
        help_text="The `would_remove` of a refusal, to confirm as many.",
    )


class ExternalIdOut(serializers.Serializer[Any]):
    external_id = serializers.CharField()
    document = serializers.UUIDField(source="pk")


class RemovedOut(serializers.Serializer[Any]):
    external_id = serializers.CharField()
    document = serializers.UUIDField()
    receipt = serializers.UUIDField()


class ExternalIdsOut(serializers.Serializer[Any]):
    kept = serializers.IntegerField(help_text="Documents that are in the list.")
    removed = RemovedOut(many=True)
    unknown = serializers.ListField(
        child=serializers.CharField(), help_text="Of the list, what has no document here."
    )
