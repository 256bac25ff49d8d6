"""Files on their way in: uploads that come in pieces."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models

from apps.core.ids import uuid7
from apps.permissions.models import OwnedModel
from apps.workspaces.models import Collection


class Upload(OwnedModel):
    """A file of one person that comes in pieces (tus), and for a while what became of it. How much
    has come is the size of its file; see ``parts``."""

    class State(models.TextChoices):
        RECEIVING = "receiving"
        TAKEN = "taken"
        ASKS = "asks"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="+")
    name = models.CharField(max_length=1000)
    size = models.PositiveBigIntegerField()
    said = models.TextField(blank=True, default="", help_text="Upload-Metadata, as it was sent.")
    external_id = models.CharField(max_length=255, blank=True, default="")
    metadata = models.JSONField(default=dict, blank=True)
    on_existing = models.CharField(max_length=8, default="ask")
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVING)
    document: "models.UUIDField[UUID | None, UUID | None]" = models.UUIDField(null=True, blank=True)
    is_duplicate = models.BooleanField(default=False)
    error_code = models.CharField(max_length=40, blank=True, default="")
    error_detail: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta(OwnedModel.Meta):
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.name} ({self.size})"
