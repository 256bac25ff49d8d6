"""Files on their way in: uploads that come in pieces, archives that are unpacked."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7
from apps.core.leases import take
from apps.permissions.models import OwnedModel, ScopedModel
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
    unpacking: "models.UUIDField[UUID | None, UUID | None]" = models.UUIDField(
        null=True, blank=True
    )
    is_duplicate = models.BooleanField(default=False)
    error_code = models.CharField(max_length=40, blank=True, default="")
    error_detail: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta(OwnedModel.Meta):
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.name} ({self.size})"


class Unpacking(ScopedModel):
    """An archive that becomes documents: leased work, and what came of it. The archive itself is no
    document and is dropped when it is unpacked. ``found`` = ``taken`` + ``same`` + ``left``.

    With an ``external_id`` its documents have ids below that, and the next archive of that id
    replaces them."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Being unpacked")
        DONE = "done", _("Unpacked")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="+")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=1000)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=8)
    on_existing = models.CharField(max_length=8, default="ask")
    external_id = models.CharField(max_length=255, blank=True, default="")
    source_url = models.CharField(max_length=2000, blank=True, default="")
    metadata = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    found = models.PositiveIntegerField(default=0, help_text="Files in it, at any depth.")
    taken = models.PositiveIntegerField(default=0, help_text="Became documents, or versions.")
    same = models.PositiveIntegerField(default=0, help_text="Were there already, byte by byte.")
    left = models.PositiveIntegerField(default=0, help_text="Were left out; see ``reasons``.")
    reasons: "models.JSONField[Any, Any]" = models.JSONField(
        default=list, blank=True, help_text="[[name, code], …], the first thousand."
    )
    error_code = models.CharField(max_length=40, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta(ScopedModel.Meta):
        ordering = ("-id",)
        indexes = (models.Index(fields=["state", "lease_until"]),)

    def __str__(self) -> str:
        return f"{self.name} {self.state}"

    @classmethod
    def claim(cls, pk: UUID) -> datetime | None:
        """Take the work; see ``leases.take``."""
        return take(cls.objects.filter(pk=pk))
