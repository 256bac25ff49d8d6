"""What people made of passages, and how a collection wants its documents cut."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7
from apps.permissions.models import Kind, ScopedModel
from apps.rag.ports import Edited
from apps.workspaces.models import Collection, Workspace


class PassageEdit(ScopedModel):
    """What a person made of one passage of a document: another text, its disabling, or a passage
    that no file holds. It belongs to the document and not to a cutting of it: it is found again by
    the text as it was read, which it keeps, so that going back is exact.

    ``anchor`` is that text's hash (of an added passage: of the one that it stands behind, "" at the
    beginning), ``nth`` tells equal texts apart, ``rank`` orders what was added in one place.
    ``number`` counts its changes: whoever changes it says which one they saw.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="+")
    document = models.ForeignKey("documents.Document", models.CASCADE, related_name="edits")
    anchor = models.CharField(max_length=64, blank=True, default="")
    nth = models.PositiveIntegerField(default=0)
    rank = models.FloatField(default=0)
    origin = models.TextField(blank=True, default="", help_text="As it was read; empty: added.")
    text = models.TextField()
    page = models.PositiveIntegerField(null=True, blank=True)
    ordinal = models.PositiveIntegerField(default=0, help_text="Where it stood when it was made.")
    is_added = models.BooleanField(default=False)
    is_disabled = models.BooleanField(default=False)
    is_dropped = models.BooleanField(default=False, help_text="Given up by a person.")
    number = models.PositiveIntegerField(default=0)
    changed_by = models.CharField(max_length=255, blank=True, default="")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta(ScopedModel.Meta):
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=["document", "anchor", "nth"],
                condition=Q(is_added=False, is_dropped=False),
                name="one_edit_per_passage",
            ),
        )

    def __str__(self) -> str:
        return f"{self.document_id}: {self.anchor[:8]} {self.nth}"

    @property
    def is_changed(self) -> bool:
        """Whether it makes a difference: one that was taken back does not."""
        return self.is_added or self.is_disabled or self.text != self.origin


class PassageChange(ScopedModel):
    """One step in the history of an edit: who, when, and the text before and after."""

    class Action(models.TextChoices):
        EDITED = "edited", _("Edited")
        DISABLED = "disabled", _("Disabled")
        ENABLED = "enabled", _("Enabled")
        ADDED = "added", _("Added")
        REVERTED = "reverted", _("Taken back")
        MOVED = "moved", _("Carried over")
        DROPPED = "dropped", _("Given up")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="+")
    document = models.ForeignKey("documents.Document", models.CASCADE, related_name="+")
    edit = models.ForeignKey(PassageEdit, models.CASCADE, related_name="changes")
    number = models.PositiveIntegerField()
    action = models.CharField(max_length=10, choices=Action)
    before = models.TextField(blank=True, default="")
    after = models.TextField(blank=True, default="")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    by = models.CharField(max_length=255, blank=True, default="")
    at = models.DateTimeField(default=timezone.now)

    class Meta(ScopedModel.Meta):
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=["edit", "number"], name="one_change_per_number"),
        )

    def __str__(self) -> str:
        return f"{self.edit_id} {self.number} {self.action}"


class CollectionRecipe(ScopedModel):
    """How the documents of one collection are cut, where it differs from the installation. Written
    by managers of the workspace. ``previous`` is what it was before, to go back to."""

    write_path = "workspace_id"
    write_kind = Kind.COLLECTIONS

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="+")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    size = models.PositiveIntegerField()
    overlap = models.PositiveIntegerField(default=0)
    headings = models.BooleanField(default=True)
    parent = models.PositiveIntegerField(default=0, help_text="Tokens; 0: the passage alone.")
    previous = models.JSONField(default=dict, blank=True)
    changed_by = models.CharField(max_length=255, blank=True, default="")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta(ScopedModel.Meta):
        constraints = (
            models.UniqueConstraint(fields=["collection"], name="one_recipe_per_collection"),
        )

    def __str__(self) -> str:
        return f"{self.collection_id}: {self.size}/{self.overlap}"


def edited(edit: PassageEdit | None) -> Edited | None:
    """What a reader is told of an edit that made a difference to the text."""
    if edit is None or edit.text == edit.origin:
        return None
    return Edited(edit.changed_by, edit.changed_at.isoformat(timespec="seconds"), edit.origin)
