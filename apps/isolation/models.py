"""What a proof found. Names of entries and numbers; the planted secrets are gone by then."""

from django.db import models

from apps.core.ids import uuid7


class Proof(models.Model):
    """One run: how many questions went through which entry, and every leak."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    questions = models.PositiveIntegerField(default=0)
    entries = models.JSONField(default=list, help_text="[{entry, visitor, questions, leaks}, …]")
    leaks = models.JSONField(default=list, help_text="[{entry, visitor, kind}, …]")
    blind = models.JSONField(
        default=list, help_text="[[entry, who asked], …] that showed nothing to who may read."
    )
    took_ms = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=100, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.questions} questions, {len(self.leaks)} leaks"

    @property
    def is_clean(self) -> bool:
        return bool(self.questions) and not self.leaks and not self.error
