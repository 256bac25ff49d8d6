"""Which model servers and which embedding model serve this installation."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7


class Endpoint(models.Model):
    """A model server. Rows made by an administrator win over the environment's values."""

    class Kind(models.TextChoices):
        CHAT = "chat", _("Answers")
        EMBEDDINGS = "embeddings", _("Embeddings")
        RERANK = "rerank", _("Reranking")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("for"), max_length=20, choices=Kind, default=Kind.CHAT)
    name = models.CharField(_("name"), max_length=100)
    base_url = models.URLField(_("address"), max_length=500)
    sealed_key = models.TextField(blank=True, default="", help_text="Encrypted; see core.sealing.")
    model = models.CharField(_("model"), max_length=200)
    context_tokens = models.PositiveIntegerField(_("context budget in tokens"), default=6000)
    max_tokens = models.PositiveIntegerField(_("longest answer in tokens"), default=1000)
    is_active = models.BooleanField(_("in use"), default=False)
    # In use beside the one that the kind has: with the same model it shares the questions, with
    # another one it stands in.
    is_beside = models.BooleanField(default=False)
    concurrency = models.PositiveIntegerField(
        _("questions at once"), default=0, help_text="0: as many as come."
    )
    queue_length = models.PositiveIntegerField(_("questions that may wait"), default=100)
    first_token_s = models.PositiveIntegerField(_("seconds to the first word"), default=60)
    between_tokens_s = models.PositiveIntegerField(_("seconds between two words"), default=30)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("kind", "name")
        constraints = (
            models.UniqueConstraint(
                fields=["kind"],
                condition=models.Q(is_active=True, is_beside=False),
                name="one_active_per_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(is_beside=False) | models.Q(is_active=True, kind="chat"),
                name="only_chat_beside",
            ),
        )

    def __str__(self) -> str:
        return self.name


class EmbeddingProfile(models.Model):
    """An embedding model with its chunk recipe and its own table in the index. Immutable: a change
    is a new profile, whose table is filled (``is_filling``) beside the one that answers
    (``is_current``). The pointer flips when it is full; one that is neither is kept to go back to,
    until it is released."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    base_url = models.CharField(max_length=500, blank=True, default="")
    # The server that embeds; none is the installation's own.
    endpoint = models.ForeignKey(
        Endpoint, models.SET_NULL, null=True, blank=True, related_name="profiles"
    )
    model = models.CharField(max_length=200)
    dimensions = models.PositiveIntegerField()
    query_prefix = models.CharField(max_length=100, blank=True, default="")
    passage_prefix = models.CharField(max_length=100, blank=True, default="")
    # Name of the mean vectors that are taken away from the model's own; "" takes nothing away.
    centre = models.CharField(max_length=100, blank=True, default="")
    chunk_size = models.PositiveIntegerField(default=320)
    chunk_overlap = models.PositiveIntegerField(default=0)
    is_current = models.BooleanField(default=False)
    is_filling = models.BooleanField(default=False)
    filled_at = models.DateTimeField(null=True, blank=True)
    # Given up: its table goes once nobody can be writing to it any more, then the row.
    released_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    immutable: ClassVar[frozenset[str]] = frozenset(
        {
            "model",
            "dimensions",
            "query_prefix",
            "passage_prefix",
            "centre",
            "chunk_size",
            "chunk_overlap",
        }
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["is_current"],
                condition=models.Q(is_current=True),
                name="one_current_profile",
            ),
            models.UniqueConstraint(
                fields=["is_filling"],
                condition=models.Q(is_filling=True),
                name="one_filling_profile",
            ),
        )

    def __str__(self) -> str:
        return f"{self.model} ({self.dimensions})"
