"""Write down what happened, and tell the pages that show it."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import models, transaction

from apps.core.hooks import Hook
from apps.core.origin import current_address
from apps.events import news
from apps.events.models import Event
from apps.permissions.scope import current_scope

# Called with each event once it is written, inside the transaction of what it tells.
recorded: Hook[[Event]] = Hook()


def record(
    kind: str,
    obj: models.Model | None = None,
    *,
    workspace_id: UUID | None = None,
    collection_id: UUID | None = None,
    **data: Any,
) -> Event:
    """One line of what happened, by the actor, key and application of the current scope.

    Where the event belongs is taken from ``obj`` unless it is said: a reader later sees it only
    where the collection, or else the workspace, may be seen. ``data`` is shown to people: no
    secrets, no text of documents.
    """
    event = _event(kind, obj, workspace_id=workspace_id, collection_id=collection_id, **data)
    event.save(force_insert=True)
    recorded(event)
    return event


def record_all(kind: str, objects: Iterable[tuple[models.Model, dict[str, Any]]]) -> None:
    """The same of many objects, each with its data, with one write."""
    for event in Event.objects.bulk_create(_event(kind, obj, **data) for obj, data in objects):
        recorded(event)


def _event(
    kind: str,
    obj: models.Model | None,
    *,
    workspace_id: UUID | None = None,
    collection_id: UUID | None = None,
    **data: Any,
) -> Event:
    scope = current_scope()
    return Event(
        kind=kind,
        actor_id=scope.actor_id,
        api_key_id=scope.via_key,
        application_id=scope.application_id,
        on_behalf_of=scope.on_behalf_of,
        address=current_address() or None,
        workspace_id=workspace_id or getattr(obj, "workspace_id", None),
        collection_id=collection_id or getattr(obj, "collection_id", None),
        # Not the name of its type: whoever is signed in comes as a lazy object.
        object_type="" if obj is None else str(obj._meta.model_name),  # noqa: SLF001 - Django's own name
        object_id=None if obj is None else obj.pk,
        data=data,
    )


def group_of(collection_id: UUID) -> str:
    """The channel group that hears about this collection."""
    return f"collection.{collection_id.hex}"


def announce(collection_id: UUID, message: dict[str, Any]) -> None:
    """Small live news about a collection, sent once the transaction commits. Losing it costs a
    page nothing but its next refresh, so a dead Redis is logged and forgotten."""
    payload = {**message, "type": "documents.changed"}
    transaction.on_commit(lambda: news.send(group_of(collection_id), payload))
