"""What happened, once: audit line and live update from the same row."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.core.ids import uuid7


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

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"
