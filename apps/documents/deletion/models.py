"""What outlives documents: the receipts of their deletion, and how far all stores agree."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7


class DeletionReceipt(models.Model):
    """What was deleted, by whom, and what became of each thing that was stored of it. It is also
    the leased work of erasing: the row outlives the document, the collection and the workspace, so
    it holds their ids and names as they were and no key to them. It holds no content.

    Read through ``receipts.visible``, which applies the reader's scope."""

    class Kind(models.TextChoices):
        DOCUMENT = "document", _("Document")
        COLLECTION = "collection", _("Collection")
        WORKSPACE = "workspace", _("Workspace")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=12, choices=Kind)
    object_id = models.UUIDField(unique=True)
    name = models.CharField(max_length=255)
    workspace_id = models.UUIDField(db_index=True)
    workspace_name = models.CharField(max_length=120)
    collection_id = models.UUIDField(null=True, blank=True, db_index=True)
    collection_name = models.CharField(max_length=120, blank=True, default="")
    requested_by_id = models.UUIDField(null=True, blank=True)
    requested_by = models.CharField(max_length=255, blank=True, default="")
    requested_at = models.DateTimeField(default=timezone.now)
    versions = models.JSONField(default=list, blank=True, help_text="Ids.")
    removed = models.JSONField(default=dict, blank=True, help_text="{store: rows or files}")
    remaining = models.JSONField(default=dict, blank=True, help_text="The same, looked up after.")
    steps = models.JSONField(default=list, blank=True, help_text="[{step, at}, …]")
    work = models.JSONField(
        default=dict, blank=True, help_text="What is still needed to erase; empty in the end."
    )
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=["done_at", "requested_at"]),)

    def __str__(self) -> str:
        return f"deletion of {self.kind} {self.object_id}"

    @property
    def state(self) -> str:
        """pending, or complete once nothing is left on any disk."""
        return "complete" if self.done_at else "pending"


class Reconciliation(models.Model):
    """How far SQL, index and disk agreed at one time. Numbers only; for administrators."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    differences = models.JSONField(default=dict, help_text="{kind: how many}; 0 is expected.")
    total = models.PositiveIntegerField(default=0)
    is_repaired = models.BooleanField(default=False)
    error_code = models.CharField(max_length=40, blank=True, default="")
    took_ms = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.total} differences"
