"""What happened, once: audit line and live update from the same row."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.core.ids import uuid7
from apps.events import reasons


class Event(models.Model):
    """One thing that happened. Read through ``events.queries``, which applies the reader's scope:
    an event about a document is seen only by who may see the document."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=60, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    api_key_id = models.UUIDField(null=True, blank=True)
    application_id = models.UUIDField(null=True, blank=True, db_index=True)
    on_behalf_of = models.UUIDField(
        null=True, blank=True, help_text="The person an application asked for."
    )
    address = models.GenericIPAddressField(
        null=True, blank=True, unpack_ipv4=True, help_text="Where it came from; none for a job."
    )
    workspace_id = models.UUIDField(null=True, blank=True, db_index=True)
    collection_id = models.UUIDField(null=True, blank=True, db_index=True)
    object_type = models.CharField(max_length=40, blank=True, default="")
    object_id = models.UUIDField(null=True, blank=True, db_index=True)
    data = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField(auto_now_add=True)
    # Written by the job that seals; see apps.events.chain.
    position = models.PositiveBigIntegerField(null=True, blank=True, unique=True)
    salt = models.CharField(max_length=32, blank=True, default="")
    digest = models.CharField(max_length=64, blank=True, default="")
    link = models.CharField(max_length=64, blank=True, default="")
    erased_by = models.UUIDField(
        null=True, blank=True, help_text="The event of the erasure that emptied this one."
    )

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index("id", condition=models.Q(position=None), name="events_to_be_sealed"),
            models.Index(
                "erased_by", condition=~models.Q(erased_by=None), name="events_that_were_erased"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class Chain(models.Model):
    """The end of the chain of events, and what was found when it was last compared: one row."""

    position = models.PositiveBigIntegerField(default=0)
    link = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    checked_to = models.PositiveBigIntegerField(default=0)
    broken_at = models.PositiveBigIntegerField(default=0, help_text="0: whole.")
    reason = models.CharField(max_length=20, blank=True, default="")

    def __str__(self) -> str:
        return f"{self.position} {self.link[:8]}"

    @property
    def reason_in_words(self) -> str:
        return str(reasons.CHAIN.get(self.reason, self.reason))


class Relay(models.Model):
    """How far the events were sent to somebody outside, and what went wrong last."""

    name = models.CharField(max_length=20, unique=True)
    position = models.PositiveBigIntegerField(default=0, help_text="Of the last event sent.")
    sent_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    failing_since = models.DateTimeField(null=True, blank=True)
    next_try_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=20, blank=True, default="")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.name} {self.position}"

    @property
    def reason_in_words(self) -> str:
        return str(reasons.RELAY.get(self.reason, self.reason))
