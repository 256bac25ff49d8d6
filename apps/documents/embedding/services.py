"""Another embedding model beside the one that answers: its table is filled from the stored passages
while search keeps using the old one. When it is full it takes over; the old table is kept to go
back to, until it is released."""

import time
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Avg, Count, F, Min, QuerySet, Sum
from django.db.models.functions import Length
from django.utils import timezone

from apps.core.errors import AppError, ErrorCode
from apps.documents.models import Chunk, IngestRun
from apps.documents.runs.reindex import current_versions, queue_versions
from apps.engines import factory
from apps.engines import services as engines
from apps.engines.models import EmbeddingProfile, Endpoint
from apps.engines.profiles import current_profile, filling_profile, own_values, values_of
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope, system_scope

# No content leaves before somebody has decided: what is measured with is this, as long as a
# passage of this installation is on average.
_WORDS = "The notice period of this contract is ninety days. 本合同的通知期为九十天。"
_SAMPLES = 16
# After this nobody writes to a table that was given up: longer than a lease and a slow write.
GRACE = timedelta(minutes=5)
_BYTES_OF_A_NUMBER = 4


@dataclass(frozen=True, slots=True)
class Cost:
    """What embedding everything again with a model means. ``seconds`` beside what else is done;
    ``bytes`` more on the disk until the old table is released."""

    documents: int
    passages: int
    dimensions: int
    seconds: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the table of a profile is. ``failed``: documents that this model refused."""

    passages: int
    done: int
    waiting: int
    failed: int
    seconds_left: int | None

    @property
    def is_stuck(self) -> bool:
        """Whether it ends only by somebody's decision."""
        return bool(self.failed) and not self.waiting


def cost(*, endpoint: Endpoint | None) -> Cost:
    """Really ask the model, and say what embedding everything with it takes. Raises AppError
    ENGINE_REJECTED (422) with the probe's code as ``probe``, and EngineError."""
    current_scope().require(Permission.ADMINISTER)
    candidate = _candidate(endpoint)
    embedder = factory.embedder(candidate)
    with system_scope("re-embedding: how many passages there are, not what they say"):
        counted = current_versions().aggregate(n=Count("pk"), passages=Sum("chunk_count"))
        length = Chunk.objects.aggregate(mean=Avg(Length("text")))["mean"] or len(_WORDS)
    text = (_WORDS * (int(length) // len(_WORDS) + 1))[: int(length)]
    embedder.embed_passages([text])  # a model that was asleep is awake now
    began = time.monotonic()
    embedder.embed_passages([text] * _SAMPLES)
    each_s = (time.monotonic() - began) / _SAMPLES
    passages = counted["passages"] or 0
    row_bytes = candidate.dimensions * _BYTES_OF_A_NUMBER + int(length) * 2
    return Cost(
        documents=counted["n"],
        passages=passages,
        dimensions=candidate.dimensions,
        seconds=round(passages * each_s),
        bytes=passages * row_bytes,
    )


def begin(*, endpoint: Endpoint | None) -> EmbeddingProfile:
    """Embed everything again with the model of a server, or (None) with the installation's own as
    its settings name it now. Raises AppError CONFLICT (409) while another table is being filled or
    when nothing would change, and what ``cost`` raises."""
    current_scope().require(Permission.ADMINISTER)
    profile = _candidate(endpoint)
    live = current_profile()
    if all(getattr(live, name) == getattr(profile, name) for name in EmbeddingProfile.immutable):
        raise AppError(ErrorCode.CONFLICT, status=409, reason="same")
    return _begin(profile)


def begin_again(*, profile: EmbeddingProfile) -> EmbeddingProfile:
    """Go back to a table that was kept: what came since is added to it, then it takes over."""
    current_scope().require(Permission.ADMINISTER)
    profile.refresh_from_db()
    if profile.is_current or profile.released_at:
        raise AppError(ErrorCode.CONFLICT, status=409, reason="same")
    return _begin(profile)


def cancel() -> None:
    """Give up the table that is being filled. Search was not touched."""
    current_scope().require(Permission.ADMINISTER)
    profile = filling_profile()
    if profile is not None:
        release(profile=profile)


@transaction.atomic
def release(*, profile: EmbeddingProfile) -> None:
    """Remove a table that is not the live one, and its profile, for good."""
    current_scope().require(Permission.ADMINISTER)
    now = timezone.now()
    others = EmbeddingProfile.objects.filter(pk=profile.pk, is_current=False)
    if not others.update(is_filling=False, released_at=now):
        raise AppError(ErrorCode.CONFLICT, status=409)
    events.record("embedding.released", profile, model=profile.model)
    with system_scope("re-embedding: runs of a table that goes"):
        IngestRun.objects.filter(IngestRun.ACTIVE, profile=profile).update(
            state=IngestRun.State.CANCELLED, lease_until=None, finished_at=now
        )


@transaction.atomic
def try_again() -> int:
    """Queue the documents once more that the new model refused; how many."""
    current_scope().require(Permission.ADMINISTER)
    profile = filling_profile()
    if profile is None:  # or every failed run of the live table would be taken for one of it
        return 0
    with system_scope("re-embedding: documents that were refused"):
        return IngestRun.objects.filter(profile=profile, state=IngestRun.State.FAILED).update(
            state=IngestRun.State.QUEUED,
            stage=IngestRun.Stage.EMBED,
            attempt=0,
            error_code="",
            error_detail={},
            finished_at=None,
            not_before=None,
        )


def switch_anyway() -> bool:
    """Let the new table take over without the documents that its model refused: they turn up as
    failed, and search finds them no more. False while others are still on their way."""
    current_scope().require(Permission.ADMINISTER)
    profile = filling_profile()
    if profile is None:
        return False
    with system_scope("re-embedding: what is missing in the new table"):
        return not _queue_missing(profile) and _switch(profile)


def progress(profile: EmbeddingProfile) -> Progress:
    """How far a table is that is being filled."""
    with system_scope("re-embedding: how many passages there are, not what they say"):
        passages = current_versions().aggregate(n=Sum("chunk_count"))["n"] or 0
        runs = IngestRun.objects.filter(profile=profile)
        waiting = runs.filter(IngestRun.ACTIVE).aggregate(n=Sum(F("total") - F("done")))["n"] or 0
        failed = _refused(profile).aggregate(n=Count("pk"), passages=Sum("total"))
        lately = _rate(runs)
    done = max(0, passages - waiting - (failed["passages"] or 0))
    return Progress(
        passages=passages,
        done=done,
        waiting=waiting,
        failed=failed["n"],
        seconds_left=round(waiting / lately) if lately and waiting else None,
    )


def _rate(runs: QuerySet[IngestRun]) -> float:
    """Passages a second of the last minutes, or since it was begun; 0 before the first is done."""
    now = timezone.now()
    done = runs.filter(state=IngestRun.State.DONE, finished_at__gte=now - GRACE)
    told = done.aggregate(n=Sum("total"), begun=Min("claimed_at"))
    if not told["n"] or told["begun"] is None:
        return 0.0
    since = max(told["begun"], now - GRACE)
    return float(told["n"] / max((now - since).total_seconds(), 1.0))


def kept() -> list[EmbeddingProfile]:
    """Profiles whose tables are kept to go back to, newest first."""
    unused = EmbeddingProfile.objects.filter(is_current=False, is_filling=False)
    return list(unused.filter(released_at__isnull=True).order_by("-created_at"))


def advance() -> None:
    """What the sweeper does: the table that is full takes over, what it lacks is queued, and what
    was given up goes. In a system scope. Raises EngineError."""
    profile = filling_profile()
    if profile is not None and not _is_busy(profile) and not _queue_missing(profile):
        refused = _refused(profile).exists()
        if not refused:
            _switch(profile)
    for gone in EmbeddingProfile.objects.filter(released_at__lte=timezone.now() - GRACE):
        factory.index(gone).drop_all()
        gone.delete()


def _candidate(endpoint: Endpoint | None) -> EmbeddingProfile:
    """A profile of what this server embeds, not saved; the chunks stay as they are cut."""
    recipe = current_profile()
    values = own_values() if endpoint is None else values_of(endpoint)
    if endpoint is not None:
        probe = engines.test_endpoint(endpoint=endpoint)
        if not probe.ok:
            raise AppError(ErrorCode.ENGINE_REJECTED, status=422, probe=str(probe.code))
        values |= {"dimensions": probe.dimensions}
    recipe_values = {"chunk_size": recipe.chunk_size, "chunk_overlap": recipe.chunk_overlap}
    return EmbeddingProfile(**values, **recipe_values)


def _begin(profile: EmbeddingProfile) -> EmbeddingProfile:
    profile.is_filling = True
    try:
        with transaction.atomic():
            profile.save()
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, reason="filling") from error
    events.record("embedding.begun", profile, model=profile.model)
    with system_scope("re-embedding: every current version"):
        _queue_missing(profile)
    return profile


def _is_busy(profile: EmbeddingProfile) -> bool:
    return IngestRun.objects.filter(IngestRun.ACTIVE, profile=profile).exists()


def _refused(profile: EmbeddingProfile) -> QuerySet[IngestRun]:
    """Runs that failed for good, of versions that still answer."""
    versions = current_versions().values("pk")
    failed = IngestRun.objects.filter(profile=profile, state=IngestRun.State.FAILED)
    return failed.filter(version__in=versions)


def _queue_missing(profile: EmbeddingProfile) -> int:
    """Queue every current version that the table has not whole, nor refused, nor in work."""
    rows = factory.index(profile).versions()
    at_work = IngestRun.objects.filter(IngestRun.ACTIVE, profile=profile)
    known = {
        *at_work.values_list("version_id", flat=True),
        *_refused(profile).values_list("version_id", flat=True),
    }
    wanted = current_versions().select_related("collection").defer("document")
    missing = [
        version
        for version in wanted.iterator(chunk_size=2000)
        if version.pk not in known and rows.get(str(version.pk), 0) != version.chunk_count
    ]
    return queue_versions(missing, profile=profile)


def _switch(profile: EmbeddingProfile) -> bool:
    """The pointer, in one transaction. False when something was queued for the table meanwhile."""
    with transaction.atomic():
        list(EmbeddingProfile.objects.select_for_update().filter(released_at__isnull=True))
        if _is_busy(profile):
            return False
        EmbeddingProfile.objects.filter(is_current=True).update(is_current=False)
        won = EmbeddingProfile.objects.filter(pk=profile.pk, is_filling=True).update(
            is_current=True, is_filling=False, filled_at=timezone.now()
        )
        if not won:
            raise AppError(ErrorCode.CONFLICT, status=409)
        _use_its_server(profile)
        events.record("embedding.switched", profile, model=profile.model)
        transaction.on_commit(factory.refresh)
    return True


def _use_its_server(profile: EmbeddingProfile) -> None:
    if profile.endpoint is not None:
        engines.use(profile.endpoint)
        return
    for active in Endpoint.objects.filter(kind=Endpoint.Kind.EMBEDDINGS, is_active=True):
        engines.use(active, is_active=False)
