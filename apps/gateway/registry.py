"""Verbs on models and their versions: add, change, try, make live, go back, stop."""

from collections.abc import Collection
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from apps.accounts.models import Group
from apps.core.errors import AppError, ErrorCode
from apps.engines.models import Endpoint
from apps.events import services as events
from apps.gateway.models import LanguageModel, ModelVersion
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope

State = ModelVersion.State
BY_HAND = "by_hand"
_EDITABLE = (
    "served_name",
    "temperature",
    "top_p",
    "max_tokens",
    "context_tokens",
    "prompt",
    "adapter",
    "read_price",
    "write_price",
)


@transaction.atomic
def save_model(
    *, model: LanguageModel | None = None, groups: Collection[Group] = (), **values: Any
) -> LanguageModel:
    """Add a model, or change one. ``values``: name, title, description, fallback, is_default, is_plain.
    Raises AppError CONFLICT for a name that is taken, and for a fallback that leads back."""
    current_scope().require(Permission.ADMINISTER)
    row = model or LanguageModel()
    for name, value in values.items():
        setattr(row, name, value)
    if _leads_back(row):
        raise AppError(ErrorCode.CONFLICT, status=409, field="fallback")
    if row.is_default:
        LanguageModel.objects.exclude(pk=row.pk).update(is_default=False)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, field="name") from error
    row.groups.set(groups)
    events.record("model.saved", row, name=row.name, groups=[group.name for group in groups])
    return row


def _leads_back(row: LanguageModel) -> bool:
    seen, at = {row.pk}, row.fallback
    while at is not None:
        if at.pk in seen:
            return True
        seen.add(at.pk)
        at = at.fallback
    return False


@transaction.atomic
def delete_model(*, model: LanguageModel) -> None:
    current_scope().require(Permission.ADMINISTER)
    events.record("model.deleted", model, name=model.name)
    model.delete()


@transaction.atomic
def add_version(
    *, model: LanguageModel, servers: Collection[Endpoint] = (), **values: Any
) -> ModelVersion:
    """A draft. Nobody gets it until it is tried or made live."""
    current_scope().require(Permission.ADMINISTER)
    last = model.versions.aggregate(last=Max("number"))["last"] or 0
    wanted = {name: values[name] for name in _EDITABLE if name in values}
    version = ModelVersion.objects.create(model=model, number=last + 1, **wanted)
    version.servers.set(servers)
    events.record("model.version_added", version, **_named(version))
    return version


@transaction.atomic
def try_version(
    *, version: ModelVersion, share: int, groups: Collection[Group] = ()
) -> ModelVersion:
    """Let ``share`` percent of the conversations, and the members of ``groups``, be answered by
    this version. Another one that was tried goes back to being a draft."""
    _require(locked(version), State.DRAFT, State.CANARY, State.RETIRED)
    if not 0 <= share <= 100 or not (share or groups):
        raise AppError(ErrorCode.BAD_REQUEST, field="share")
    others = version.model.versions.filter(state=State.CANARY).exclude(pk=version.pk)
    others.update(state=State.DRAFT, share=0)
    version.share = share
    _enter(version, State.CANARY, BY_HAND)
    version.canary_groups.set(groups)
    events.record("model.version_tried", version, share=share, **_named(version))
    return version


@transaction.atomic
def make_live(*, version: ModelVersion) -> ModelVersion:
    """Let every conversation be answered by this version; the one before can be gone back to."""
    _require(locked(version), State.DRAFT, State.CANARY, State.RETIRED)
    return promote(version, BY_HAND)


def promote(version: ModelVersion, reason: str) -> ModelVersion:
    """The same by a rule or a person that was asked for its right. In a transaction that holds the
    model (``locked``)."""
    now = timezone.now()
    live = version.model.versions.filter(state=State.LIVE).exclude(pk=version.pk)
    live.update(state=State.RETIRED, reason="replaced", since=now)
    _enter(version, State.LIVE, reason)
    events.record("model.version_live", version, why=reason, **_named(version))
    return version


@transaction.atomic
def roll_back(*, model: LanguageModel) -> ModelVersion:
    """Undo the last change: end what is tried, or go back to the version that was live before.
    Raises AppError CONFLICT where there is none. Returns the version that was taken away."""
    current_scope().require(Permission.ADMINISTER)
    LanguageModel.objects.select_for_update().get(pk=model.pk)
    if (tried := model.versions.filter(state=State.CANARY).first()) is not None:
        return withdraw(tried, BY_HAND)
    live = model.versions.filter(state=State.LIVE).first()
    before = model.versions.filter(state=State.RETIRED, reason="replaced").order_by("-since")
    earlier = before.first()
    if live is None or earlier is None:
        raise AppError(ErrorCode.CONFLICT, status=409, field="version")
    withdraw(live, BY_HAND)
    promote(earlier, BY_HAND)
    return live


@transaction.atomic
def stop_version(*, version: ModelVersion) -> ModelVersion:
    """Give this version no question more, from the next one on, whatever state it is in."""
    current_scope().require(Permission.ADMINISTER)
    return withdraw(locked(version), BY_HAND)


def withdraw(version: ModelVersion, reason: str) -> ModelVersion:
    """Retire a version by a rule or a person that was asked for its right. In a transaction
    that holds the model (``locked``)."""
    version.share = 0
    _enter(version, State.RETIRED, reason)
    events.record("model.version_withdrawn", version, why=reason, **_named(version))
    return version


def locked(version: ModelVersion) -> ModelVersion:
    """The version as it is now, and as it stays until the transaction ends: every verb holds the
    model first, so that two never decide at once."""
    LanguageModel.objects.select_for_update().get(pk=version.model_id)
    version.refresh_from_db()
    return version


def _require(version: ModelVersion, *states: State) -> None:
    current_scope().require(Permission.ADMINISTER)
    if version.state not in states:
        raise AppError(ErrorCode.CONFLICT, status=409, field="state")


def _enter(version: ModelVersion, state: State, reason: str) -> None:
    version.state, version.reason, version.since = state, reason, timezone.now()
    version.save(update_fields=["state", "reason", "since", "share"])


def _named(version: ModelVersion) -> dict[str, Any]:
    return {"name": version.model.name, "number": version.number}
