"""What was searched, by whom, and how it was found."""

from django.conf import settings
from django.db import models

from apps.core.ids import uuid7
from apps.permissions.models import OwnedModel


class SearchLog(OwnedModel):
    """One search with its trace: ids, ranks and times, never the text of a passage."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    query = models.TextField()
    mode = models.CharField(max_length=10)
    hits = models.PositiveIntegerField(default=0)
    took_ms = models.FloatField(default=0)
    trace = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(OwnedModel.Meta):
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.mode} {self.hits}"
