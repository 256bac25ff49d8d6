"""Verbs on model servers: add, change, test, use, remove. For administrators."""
# ruff: noqa: PT028 - test_endpoint is a verb, not a test

from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from apps.core.errors import AppError, ErrorCode
from apps.core.sealing import seal, unseal
from apps.engines import factory
from apps.engines.adapters.probe import EndpointKind, Probe, probe
from apps.engines.models import EmbeddingProfile, Endpoint
from apps.engines.profiles import current_profile
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope

__all__ = [
    "current_profile",
    "delete_endpoint",
    "save_endpoint",
    "set_active",
    "test_endpoint",
]

_EDITABLE = (
    "name",
    "base_url",
    "model",
    "context_tokens",
    "max_tokens",
    "concurrency",
    "queue_length",
    "first_token_s",
    "between_tokens_s",
)


@transaction.atomic
def save_endpoint(
    *,
    kind: str = "",
    endpoint: Endpoint | None = None,
    api_key: str | None = None,
    **values: object,
) -> Endpoint:
    """Add a model server, or change one. ``api_key`` None keeps the stored key, "" removes it.
    ``values``: any of ``_EDITABLE``."""
    current_scope().require(Permission.ADMINISTER)
    row = endpoint or Endpoint(kind=Endpoint.Kind(kind))
    for name in _EDITABLE:
        if name in values:
            setattr(row, name, values[name])
    row.base_url = _address(row.base_url)
    if api_key is not None:
        row.sealed_key = seal(api_key) if api_key else ""
    if row.kind == Endpoint.Kind.EMBEDDINGS:
        _refuse_another_embedder(row.model, row.profiles.all())
    row.save()
    _changed("endpoint.saved", row)
    return row


@transaction.atomic
def use_beside(*, endpoint: Endpoint) -> Endpoint:
    """Use this language model server beside the one in use. Raises AppError CONFLICT for another
    kind, and where the installation's own answers: then it would be the first one."""
    current_scope().require(Permission.ADMINISTER)
    first = Endpoint.objects.filter(kind=endpoint.kind, is_active=True, is_beside=False)
    if endpoint.kind != Endpoint.Kind.CHAT or not first.exclude(pk=endpoint.pk).exists():
        raise AppError(ErrorCode.CONFLICT, status=409, field="beside")
    endpoint.is_active = endpoint.is_beside = True
    endpoint.save(update_fields=["is_active", "is_beside", "updated_at"])
    _changed("endpoint.activated", endpoint)
    return endpoint


@transaction.atomic
def set_active(*, endpoint: Endpoint, is_active: bool = True) -> Endpoint:
    """Use this server for its kind, or stop using it and go back to the installation's own."""
    current_scope().require(Permission.ADMINISTER)
    if endpoint.kind == Endpoint.Kind.EMBEDDINGS and is_active != endpoint.is_active:
        model = endpoint.model if is_active else settings.EMBEDDINGS_MODEL
        _refuse_another_embedder(model, EmbeddingProfile.objects.filter(is_current=True))
    use(endpoint, is_active=is_active)
    _changed("endpoint.activated" if is_active else "endpoint.deactivated", endpoint)
    return endpoint


def use(endpoint: Endpoint, *, is_active: bool = True) -> None:
    """Make this the first server of its kind, or stop using it: then one beside it, if there is
    one, takes its place. In a transaction, by who may."""
    others = Endpoint.objects.filter(kind=endpoint.kind, is_active=True).exclude(pk=endpoint.pk)
    was_first = endpoint.is_active and not endpoint.is_beside
    if is_active:
        others.filter(is_beside=False).update(is_active=False)
    endpoint.is_active, endpoint.is_beside = is_active, False
    endpoint.save(update_fields=["is_active", "is_beside", "updated_at"])
    if was_first and not is_active and (heir := others.order_by("created_at").first()):
        heir.is_beside = False
        heir.save(update_fields=["is_beside", "updated_at"])
    if endpoint.kind == Endpoint.Kind.EMBEDDINGS:
        EmbeddingProfile.objects.filter(is_current=True).update(
            endpoint=endpoint if is_active else None
        )


@transaction.atomic
def delete_endpoint(*, endpoint: Endpoint) -> None:
    """Forget a server. Raises AppError CONFLICT while it is the only one with a model that passages
    are embedded with."""
    current_scope().require(Permission.ADMINISTER)
    needed = endpoint.profiles.filter(Q(is_current=True) | Q(is_filling=True))
    _refuse_another_embedder(settings.EMBEDDINGS_MODEL, needed)
    _changed("endpoint.deleted", endpoint)
    endpoint.delete()


def test_endpoint(
    *,
    kind: str = "",
    base_url: str = "",
    model: str = "",
    api_key: str | None = None,
    endpoint: Endpoint | None = None,
) -> Probe:
    """Really ask a server, saved or as typed into the form. A key left empty is the stored one."""
    current_scope().require(Permission.ADMINISTER)
    key = api_key or ""
    if not key and endpoint is not None and endpoint.sealed_key:
        key = unseal(endpoint.sealed_key)
    if endpoint is not None:
        kind, base_url, model = (
            kind or endpoint.kind,
            base_url or endpoint.base_url,
            model or endpoint.model,
        )
    return probe(_address(base_url), kind=EndpointKind(kind), model=model, api_key=key)


test_endpoint.__test__ = False  # type: ignore[attr-defined] # a verb, not a test


def _address(value: str) -> str:
    """The address without its trailing slash; plain machine names and IPv6 are fine."""
    url = urlsplit(value.strip())
    if url.scheme not in {"http", "https"} or not url.hostname or url.username or url.query:
        raise AppError(ErrorCode.BAD_REQUEST, field="base_url")
    return value.strip().rstrip("/")


def _refuse_another_embedder(model: str, profiles: QuerySet[EmbeddingProfile]) -> None:
    """Vectors of two models cannot be compared: another model needs another profile first."""
    for profile in profiles.exclude(model=model):
        raise AppError(ErrorCode.CONFLICT, status=409, field="model", model=profile.model)


def _changed(kind: str, row: Endpoint) -> None:
    events.record(kind, row, name=row.name, use=row.kind)
    transaction.on_commit(factory.refresh)
