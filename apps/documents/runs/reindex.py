"""Fills the index anew from SQL, as ordinary leased runs: it may be lost, moved or replaced."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet

from apps.documents.models import Document, DocumentVersion, IngestRun
from apps.documents.runs.queue import new_run
from apps.engines.models import EmbeddingProfile
from apps.permissions.scope import system_scope

_AT_ONCE = 500


def queue_everything() -> int:
    """A run for every current version that has none. The sweeper sends them: nothing else has to
    be up. Documents stay readable meanwhile and turn up in search one by one."""
    with system_scope("rebuild of the index: every current version is embedded again"):
        at_work = IngestRun.objects.filter(IngestRun.LIVE, IngestRun.ACTIVE).values("version_id")
        return queue_versions(current_versions().exclude(pk__in=at_work))


def current_versions() -> QuerySet[DocumentVersion]:
    """What search answers from. In a system scope: of the whole installation."""
    live = Document.objects.filter(current__isnull=False).values("current")
    return DocumentVersion.objects.filter(pk__in=live)


def queue_versions(
    versions: Iterable[DocumentVersion], *, profile: EmbeddingProfile | None = None
) -> int:
    """A run for each of these, from its passages into the live table or that of a profile."""
    if isinstance(versions, QuerySet):
        versions = versions.select_related("collection")
    stage = IngestRun.Stage.EMBED
    runs = [new_run(version, stage=stage, profile=profile) for version in versions]
    with transaction.atomic():
        IngestRun.objects.bulk_create(runs, batch_size=_AT_ONCE)
    return len(runs)
