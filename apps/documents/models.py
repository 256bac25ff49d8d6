"""A document, its versions, its text, and the leased work that makes it searchable."""

import json
from collections.abc import Collection as SetOf
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7
from apps.core.leases import take
from apps.documents.deletion.models import DeletionReceipt, Reconciliation
from apps.documents.passages.models import CollectionRecipe, PassageChange, PassageEdit
from apps.engines.models import EmbeddingProfile
from apps.permissions.models import GuardedManager, GuardedQuerySet, ScopedModel
from apps.workspaces.models import Collection

__all__ = [
    "Chunk",
    "CollectionRecipe",
    "DeletionReceipt",
    "Document",
    "DocumentVersion",
    "IngestRun",
    "LedgerEntry",
    "PassageChange",
    "PassageEdit",
    "Reconciliation",
    "SketchHash",
]


class LiveManager(GuardedManager["Document"]):
    """Documents that are not deleted. Deleted ones wait for their clean-up job unseen."""

    def get_queryset(self) -> GuardedQuerySet["Document"]:
        return super().get_queryset().filter(deleted_at__isnull=True)


class Document(ScopedModel):
    """What a person recognises as one thing. Exactly one version is current once it is ready."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="documents")
    name = models.CharField(_("name"), max_length=255)
    external_id = models.CharField(max_length=255, blank=True, default="")
    source_url = models.CharField(max_length=2000, blank=True, default="")
    metadata = models.JSONField(default=dict, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # The mail that it was attached to: the two come, change and go together.
    parent = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="attached"
    )
    current = models.ForeignKey(
        "DocumentVersion", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # Both days included; without one there is no limit on that side.
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    review_on = models.DateField(_("to be reviewed on"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[LiveManager] = LiveManager()
    with_deleted: ClassVar[GuardedManager[Self]] = GuardedManager()

    class Meta(ScopedModel.Meta):
        base_manager_name = "with_deleted"
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["collection", "external_id"],
                condition=Q(deleted_at__isnull=True) & ~Q(external_id=""),
                name="one_document_per_external_id",
            ),
            models.UniqueConstraint(
                fields=["collection", "name"],
                condition=Q(deleted_at__isnull=True),
                name="one_document_per_name",
            ),
        )

    def __str__(self) -> str:
        return self.name


class DocumentVersion(ScopedModel):
    """One uploaded file of a document."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="+")
    document = models.ForeignKey(Document, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    filename = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()
    media_type = models.CharField(max_length=120)
    infection = models.CharField(
        max_length=120, blank=True, default="", help_text="What a virus scanner calls it."
    )
    pages = models.PositiveIntegerField(null=True, blank=True)
    recognition = models.JSONField(
        null=True, blank=True, help_text="What was recognised in pictures; null: nothing had to be."
    )
    attachments = models.JSONField(
        null=True, blank=True, help_text="Of a mail: ids of their documents, and what was left out."
    )
    sketch = models.BinaryField(default=bytes, editable=False)
    chunk_count = models.PositiveIntegerField(default=0)
    cut = models.CharField(
        max_length=40, blank=True, default="", help_text="Of its chunks, those that are searched."
    )
    indexed_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(ScopedModel.Meta):
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=["document", "number"], name="one_version_per_number"),
            models.UniqueConstraint(fields=["document", "sha256"], name="one_version_per_file"),
        )

    def __str__(self) -> str:
        return f"{self.filename} ({self.number})"


class EnabledManager(GuardedManager["Chunk"]):
    """Chunks that nobody disabled: what searches, answers, counts and lists know of."""

    def get_queryset(self) -> GuardedQuerySet["Chunk"]:
        return super().get_queryset().filter(is_disabled=False)


class SketchHash(ScopedModel):
    """One of the smallest hashes of a version's text: versions that share one may be nearly the
    same, and their whole sketches say how nearly."""

    collection = models.ForeignKey(Collection, models.CASCADE, related_name="+")
    document = models.ForeignKey(Document, models.CASCADE, related_name="+")
    version = models.ForeignKey(DocumentVersion, models.CASCADE, related_name="sketch_hashes")
    value = models.BigIntegerField(db_index=True)

    class Meta(ScopedModel.Meta):
        constraints = (
            models.UniqueConstraint(fields=["version", "value"], name="one_row_per_hash"),
        )

    def __str__(self) -> str:
        return f"{self.version_id}:{self.value}"


class Chunk(ScopedModel):
    """What is embedded and cited. ``id`` is uuid5(version, recipe, ordinal).

    ``cut`` names the recipe: while a version is cut anew its old chunks answer, beside the new
    ones, until those are in the index; ``DocumentVersion.cut`` says which ones count. ``text`` is
    what is searched and given to the model; ``origin`` what was read, where a person changed it.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="+")
    document = models.ForeignKey(Document, models.CASCADE, related_name="+")
    version = models.ForeignKey(DocumentVersion, models.CASCADE, related_name="chunks")
    ordinal = models.PositiveIntegerField()
    page = models.PositiveIntegerField(null=True, blank=True)
    headings = models.JSONField(default=list, blank=True)
    boxes = models.JSONField(
        default=list, blank=True, help_text="[[page, x0, y0, x1, y1], …], fractions of the page."
    )
    text = models.TextField()
    cut = models.CharField(max_length=40, blank=True, default="")
    origin = models.TextField(blank=True, default="")
    edit = models.ForeignKey(
        PassageEdit, models.SET_NULL, null=True, blank=True, related_name="chunks"
    )
    is_disabled = models.BooleanField(default=False)

    objects: ClassVar[EnabledManager] = EnabledManager()
    with_disabled: ClassVar[GuardedManager[Self]] = GuardedManager()

    class Meta(ScopedModel.Meta):
        base_manager_name = "with_disabled"
        ordering = ("version", "ordinal")
        indexes = (models.Index(fields=["version", "ordinal"]),)

    def __str__(self) -> str:
        return f"{self.version_id}:{self.ordinal}"

    @property
    def read_text(self) -> str:
        """The text as it was read; of an added passage its own."""
        return self.origin or self.text

    @property
    def boxes_json(self) -> str:
        """Where it stands on its page, for the reader."""
        return json.dumps(self.boxes)


class IngestRun(ScopedModel):
    """One leased piece of work: a version from file to searchable, or, with a profile, from its
    passages into that profile's table. The row is the truth; a message in the broker only says
    that there is work."""

    class Priority(models.IntegerChoices):
        """Who waits for it: a person, nobody, or a table that is filled beside the live one.
        Smaller goes first."""

        PERSON = 0
        UPKEEP = 5
        REFILL = 9

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Working")
        DONE = "done", _("Searchable")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    class Stage(models.TextChoices):
        PARSE = "parse", _("Reading")
        EMBED = "embed", _("Embedding")
        PUBLISH = "publish", _("Publishing")

    class Cause(models.TextChoices):
        FILE = "", _("A file")
        EDIT = "edit", _("An edited passage")
        RECIPE = "recipe", _("Other settings of the collection")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="+")
    document = models.ForeignKey(Document, models.CASCADE, related_name="runs")
    version = models.ForeignKey(DocumentVersion, models.CASCADE, related_name="runs")
    profile = models.ForeignKey(
        EmbeddingProfile, models.CASCADE, null=True, blank=True, related_name="+"
    )
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.PERSON)
    # As they were when it was queued: whose turn it is must be found without a join.
    workspace_id = models.UUIDField(null=True, blank=True, editable=False)
    requested_by_id = models.UUIDField(null=True, blank=True, editable=False)
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=12, choices=Stage, default=Stage.PARSE)
    cause = models.CharField(max_length=8, choices=Cause, blank=True, default=Cause.FILE)
    cut = models.CharField(
        max_length=40, blank=True, default="", help_text="Chunks to switch to; empty: as they are."
    )
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0, help_text="Chunks (or pages) done in this stage.")
    total = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=40, blank=True, default="")
    error_detail = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    # Those that say of a document where it is: not those that fill a table beside the live one.
    LIVE: ClassVar = Q(profile__isnull=True)
    # Those that somebody works on, or will.
    ACTIVE: ClassVar = Q(state__in=("queued", "running"))

    class Meta(ScopedModel.Meta):
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=["state", "lease_until"]),
            models.Index(
                fields=["stage", "priority", "workspace_id", "requested_by_id", "created_at"],
                condition=Q(state="queued"),
                name="whose_turn_it_is",
            ),
            models.Index(
                fields=["workspace_id", "requested_by_id", "claimed_at"], name="who_had_a_turn"
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["document"],
                condition=Q(state="running"),
                name="one_running_run_per_document",
            ),
        )

    def __str__(self) -> str:
        return f"{self.document_id} {self.state}/{self.stage}"

    @classmethod
    def claim(cls, run_id: UUID, *, stages: SetOf[str]) -> datetime | None:
        """Take the run at one of these stages; see ``leases.take``."""
        now = timezone.now()
        rows = cls.objects.filter(pk=run_id, stage__in=stages)
        try:
            with transaction.atomic():
                return take(rows, started_at=Coalesce("started_at", now), claimed_at=now)
        except IntegrityError:  # another run of this document is at work
            return None

    @classmethod
    def claim_all(cls, ids: Sequence[UUID], *, stage: str) -> datetime | None:
        """Take those of these runs that are free and at this stage; None where that cannot be."""
        now = timezone.now()
        free = cls.objects.filter(pk__in=ids, state=cls.State.QUEUED, stage=stage)
        # Where rows are locked one by one, two that take several must not wait for each other.
        free = free.select_for_update(skip_locked=True)
        try:
            with transaction.atomic():
                rows = cls.objects.filter(pk__in=list(free.values_list("pk", flat=True)))
                return take(rows, started_at=Coalesce("started_at", now), claimed_at=now)
        except IntegrityError:  # another run of one of the documents is at work
            return None


class LedgerEntry(ScopedModel):
    """One stage that a run passed, or, with a code, one reason why it stopped there."""

    UNVERIFIED = "NOT_FOUND_AGAIN"

    class Stage(models.TextChoices):
        RECEIVED = "received", _("Received")
        CHECKED = "checked", _("Checked")
        SCANNED = "scanned", _("Scanned for viruses")
        RECOGNISED = "recognised", _("Recognised (OCR)")
        PARSED = "parsed", _("Read")
        CHUNKED = "chunked", _("Cut into passages")
        EMBEDDED = "embedded", _("Embedded")
        INDEXED = "indexed", _("Indexed")
        VERIFIED = "verified", _("Found by its own words")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="+")
    document = models.ForeignKey(Document, models.CASCADE, related_name="+")
    version = models.ForeignKey(DocumentVersion, models.CASCADE, related_name="+")
    run = models.ForeignKey(IngestRun, models.CASCADE, related_name="+")
    stage = models.CharField(max_length=12, choices=Stage)
    at = models.DateTimeField()
    took_ms = models.PositiveIntegerField(default=0)
    count = models.PositiveBigIntegerField(
        default=0,
        help_text="Bytes, pages recognised, blocks, passages or rows; 0 where it stopped.",
    )
    attempt = models.PositiveIntegerField(default=1)
    error_code = models.CharField(max_length=40, blank=True, default="")

    class Meta(ScopedModel.Meta):
        ordering = ("at",)
        constraints = (
            models.UniqueConstraint(
                fields=["run", "stage", "error_code"], name="one_line_per_stage_and_reason"
            ),
        )

    def __str__(self) -> str:
        return f"{self.stage} {self.error_code}"
