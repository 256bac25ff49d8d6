"""Forgets what did not arrive in time, and bytes that no row names."""

from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.intake import parts
from apps.intake.models import Upload

SWEEP_EVERY = timedelta(minutes=5)
AT_ONCE = 500


def sweep() -> None:
    """Uploads that expired, and files that were left behind."""
    expired = Upload.objects.filter(expires_at__lt=timezone.now())
    for pk in list(expired.values_list("pk", flat=True)[:AT_ONCE]):
        Upload.objects.filter(pk=pk).delete()
        parts.remove(pk)
    for path in parts.strays(set(Upload.objects.values_list("pk", flat=True))):
        path.unlink(missing_ok=True)


def forget_collections(ids: frozenset[UUID]) -> None:
    """What is on its way into a collection goes with it: rows by the database, bytes here."""
    for pk in Upload.objects.filter(collection_id__in=ids).values_list("pk", flat=True):
        transaction.on_commit(partial(parts.remove, pk))
