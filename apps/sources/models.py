"""Where documents come from by themselves: a source, its runs, and what it was seen to hold."""

from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.core.ids import uuid7
from apps.core.leases import take
from apps.documents.models import Document
from apps.permissions.models import Kind, ScopedModel
from apps.workspaces.models import Collection


class _OfWriters(ScopedModel):
    """Rows of a collection that its readers do not see: they hold addresses."""

    read_kind = Kind.WRITABLE
    write_kind = Kind.WRITABLE

    class Meta(ScopedModel.Meta):
        abstract = True


class Source(_OfWriters):
    """A place outside that a collection follows. It acts for its owner, with that person's rights
    at the time of each run."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="sources")
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(max_length=20)
    settings = models.JSONField(default=dict)
    secrets = models.TextField(blank=True, default="", help_text="Sealed JSON.")
    every_minutes = models.PositiveIntegerField(default=0, help_text="0: daily_at, or by hand.")
    daily_at = models.TimeField(null=True, blank=True)
    is_on = models.BooleanField(default=True)
    is_ending = models.BooleanField(default=False, help_text="Its documents are being removed.")
    owner = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    next_run_at = models.DateTimeField(null=True, blank=True, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(_OfWriters.Meta):
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=["collection", "name"], name="one_source_per_name"),
        )

    def __str__(self) -> str:
        return self.name


class SourceRun(_OfWriters):
    """One leased piece of work: a source listed once, and what differed taken over."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("At work")
        DONE = "done", _("Up to date")
        ASKING = "asking", _("Asks before it removes")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="+")
    source = models.ForeignKey(Source, models.CASCADE, related_name="runs")
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    is_full = models.BooleanField(
        default=False, help_text="Everything is fetched again, and what was deleted by hand too."
    )
    may_remove = models.PositiveIntegerField(default=0, help_text="As many as a person confirmed.")
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    seen = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    to_remove = models.PositiveIntegerField(default=0, help_text="What it asks about.")
    bytes = models.PositiveBigIntegerField(default=0)
    error_code = models.CharField(max_length=40, blank=True, default="")
    error_detail = models.JSONField(default=dict, blank=True)
    problems = models.JSONField(default=list, blank=True, help_text="[{name, code}, …]")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta(_OfWriters.Meta):
        ordering = ("-created_at",)
        indexes = (models.Index(fields=["state", "lease_until"]),)
        constraints = (
            models.UniqueConstraint(
                fields=["source"],
                condition=Q(state__in=["queued", "running"]),
                name="one_active_run_per_source",
            ),
        )

    def __str__(self) -> str:
        return f"{self.source_id} {self.state}"

    @property
    def is_active(self) -> bool:
        return self.state in {self.State.QUEUED, self.State.RUNNING}

    @classmethod
    def claim(cls, run_id: UUID) -> datetime | None:
        """Take the run; see ``leases.take``."""
        began = Coalesce("started_at", timezone.now())
        return take(cls.objects.filter(pk=run_id), started_at=began)


class SourceEntry(_OfWriters):
    """One thing that a source was seen to hold, and the document made of it.

    Without a document: with a ``code`` it could not be taken, with a ``sha256`` its document was
    deleted here by hand. An archive has none: what is in it are entries that name it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="+")
    source = models.ForeignKey(Source, models.CASCADE, related_name="entries")
    key = models.TextField()
    digest = models.CharField(max_length=64, help_text="Of the key: a key may be long.")
    name = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=200, blank=True, default="")
    memory = models.JSONField(default=dict, blank=True, help_text="What the connector wants back.")
    document = models.ForeignKey(Document, models.SET_NULL, null=True, blank=True, related_name="+")
    sha256 = models.CharField(max_length=64, blank=True, default="", help_text="As last taken.")
    code = models.CharField(max_length=40, blank=True, default="")
    is_archive = models.BooleanField(default=False)
    # Not cascading: a member whose archive's row is gone is met as gone in the next run.
    archive = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta(_OfWriters.Meta):
        constraints = (
            models.UniqueConstraint(fields=["source", "digest"], name="one_entry_per_key"),
        )

    def __str__(self) -> str:
        return self.name
