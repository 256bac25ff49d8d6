"""Forgets what did not arrive in time and bytes that no row names; sends again what was lost."""

import shutil
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.intake import parts
from apps.intake.archives import RESEND
from apps.intake.jobs import UNPACK
from apps.intake.models import Unpacking, Upload

SWEEP_EVERY = timedelta(seconds=30)
# What became of an archive is shown for so long.
SHOWN = timedelta(days=30)
AT_ONCE = 500
_WAITING = (Unpacking.State.QUEUED, Unpacking.State.RUNNING)


def sweep() -> None:
    """Uploads that expired, and files that were left behind."""
    expired = Upload.objects.filter(expires_at__lt=timezone.now())
    for pk in list(expired.values_list("pk", flat=True)[:AT_ONCE]):
        Upload.objects.filter(pk=pk).delete()
        parts.remove(pk)
    kept = set(Upload.objects.values_list("pk", flat=True))
    kept |= set(Unpacking.objects.filter(state__in=_WAITING).values_list("pk", flat=True))
    for path in parts.strays(kept):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    _send_again()
    old = timezone.now() - SHOWN
    # The newest of an id stays: it says that documents of this id came out of an archive.
    newer = Unpacking.objects.filter(
        collection=OuterRef("collection"),
        external_id=OuterRef("external_id"),
        pk__gt=OuterRef("pk"),
    )
    ended = Unpacking.objects.filter(finished_at__lt=old)
    ended.filter(Q(external_id="") | Exists(newer)).delete()


def _send_again() -> None:
    """Work whose message or worker is gone. Who claims it sees how often that was."""
    now = timezone.now()
    lapsed = Q(state=Unpacking.State.RUNNING, lease_until__lt=now)
    unsent = Q(state=Unpacking.State.QUEUED, not_before__lte=now)
    for row in Unpacking.objects.filter(lapsed | unsent).order_by("created_at")[:AT_ONCE]:
        Unpacking.objects.filter(pk=row.pk).update(not_before=now + RESEND)
        UNPACK.enqueue(unpacking_id=str(row.pk))


def forget_collections(ids: frozenset[UUID]) -> None:
    """What is on its way into a collection goes with it: rows by the database, bytes here."""
    for model in (Upload, Unpacking):
        for pk in model.objects.filter(collection_id__in=ids).values_list("pk", flat=True):
            transaction.on_commit(partial(parts.remove, pk))
