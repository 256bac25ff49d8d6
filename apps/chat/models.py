"""Conversations, their turns, and the citations of each answer."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7
from apps.permissions.models import OwnedModel
from apps.workspaces.models import AnswerMode, Workspace


class Conversation(OwnedModel):
    """A thread of one person. ``workspace`` None: asked over all that the person may use.

    What an application began for somebody is theirs; the application itself sees nothing else that
    is theirs."""

    application_path = "application_id"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="conversations"
    )
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, null=True, blank=True, related_name="+"
    )
    collection_ids = models.JSONField(
        default=list, blank=True, help_text="Kept to these collections; empty: all in reach."
    )
    application_id = models.UUIDField(null=True, blank=True, help_text="That it was begun through.")
    title = models.CharField(_("title"), max_length=120, blank=True, default="")
    model = models.CharField(max_length=100, blank=True, default="", help_text="Chosen for it.")
    is_passing = models.BooleanField(
        default=False, db_default=False, help_text="Forgotten once it is answered; never listed."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(OwnedModel.Meta):
        ordering = ("-updated_at",)
        indexes = (
            models.Index(
                fields=["updated_at"], condition=models.Q(is_passing=True), name="passing_ones"
            ),
        )

    def __str__(self) -> str:
        return self.title or str(self.pk)


class Turn(OwnedModel):
    """A question with its answer. Turns of one ``parent`` are branches: regenerated or edited."""

    application_path = "application_id"

    class State(models.TextChoices):
        RUNNING = "running"
        COMPLETE = "complete"
        REFUSED = "refused"
        STOPPED = "stopped"
        FAILED = "failed"

    class Rating(models.TextChoices):
        NONE = ""
        HELPFUL = "helpful"
        NOT_HELPFUL = "not_helpful"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="turns")
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="children"
    )
    application_id = models.UUIDField(null=True, blank=True, help_text="Of its conversation.")
    question = models.TextField()
    query = models.TextField(blank=True, default="", help_text="The question as searched.")
    answer = models.TextField(blank=True, default="")
    thinking = models.TextField(blank=True, default="")
    mode = models.CharField(max_length=20, choices=AnswerMode, default=AnswerMode.DOCUMENTS_ONLY)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    error_code = models.CharField(max_length=40, blank=True, default="")
    stop_requested = models.BooleanField(default=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    model = models.CharField(max_length=200, blank=True, default="")
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    first_token_ms = models.PositiveIntegerField(null=True, blank=True)
    took_ms = models.PositiveIntegerField(null=True, blank=True)
    trace = models.JSONField(default=dict, blank=True)
    rating = models.CharField(max_length=12, choices=Rating, blank=True, default=Rating.NONE)
    rating_reason = models.CharField(max_length=1000, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(OwnedModel.Meta):
        ordering = ("created_at",)

    def __str__(self) -> str:
        return self.question[:60]


class TurnCollection(OwnedModel):
    """A collection that an answer drew from: who can no longer read it no longer reads the answer."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    turn = models.ForeignKey(Turn, models.CASCADE, related_name="drawn_from")
    # Not a foreign key: a deleted collection must keep withholding what was drawn from it.
    collection_id = models.UUIDField()

    class Meta(OwnedModel.Meta):
        constraints = (
            models.UniqueConstraint(fields=["turn", "collection_id"], name="once_per_turn"),
        )

    def __str__(self) -> str:
        return f"{self.turn_id} {self.collection_id}"


class Citation(OwnedModel):
    """A source offered to the model for one turn, numbered from 1; ``is_cited`` once the answer
    refers to it. The quote is removed with its document."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    turn = models.ForeignKey(Turn, models.CASCADE, related_name="citations")
    number = models.PositiveIntegerField()
    chunk_id = models.UUIDField()
    version_id = models.UUIDField()
    document_id = models.UUIDField(db_index=True)
    collection_id = models.UUIDField()
    document_name = models.CharField(max_length=255)
    page = models.PositiveIntegerField(null=True, blank=True)
    headings = models.JSONField(default=list, blank=True)
    boxes = models.JSONField(default=list, blank=True)
    quote = models.TextField(blank=True, default="")
    around = models.TextField(
        blank=True, default="", help_text="All that the model was shown, where it is more."
    )
    edited = models.JSONField(default=dict, blank=True, help_text="{by, at, original} or empty.")
    score = models.FloatField(default=0)
    is_cited = models.BooleanField(default=False)

    class Meta(OwnedModel.Meta):
        ordering = ("turn", "number")
        constraints = (
            models.UniqueConstraint(fields=["turn", "number"], name="one_citation_per_number"),
        )

    def __str__(self) -> str:
        return f"[{self.number}] {self.document_name}"
