"""Receipts of deletions: how one is written, who may read it, and what its hash is over."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.documents.models import DeletionReceipt
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope

FORMAT = 1


def visible(
    *, workspace_id: UUID | None = None, collection_id: UUID | None = None
) -> QuerySet[DeletionReceipt]:
    """Receipts that the current scope may see, newest first: those of workspaces it manages, those
    of what the actor deleted in a workspace that is still open to them, and, to administrators,
    all: a workspace that is gone has nobody else who could show that it is."""
    scope = current_scope()
    rows = DeletionReceipt.objects.all()
    if workspace_id is not None:
        rows = rows.filter(workspace_id=workspace_id)
    if collection_id is not None:
        rows = rows.filter(collection_id=collection_id)
    if scope.is_system or scope.allows(Permission.ADMINISTER):
        return rows
    managed = [pk for pk, held in scope.workspaces.items() if Permission.COLLECTION_MANAGE in held]
    seen = Q(workspace_id__in=managed)
    if scope.actor_id is not None:
        seen |= Q(requested_by_id=scope.actor_id, workspace_id__in=list(scope.workspaces))
    return rows.filter(seen)


def name_of(actor_id: UUID | None) -> str:
    """Who it was, as it stays readable when the person is gone."""
    found = None if actor_id is None else User.objects.filter(pk=actor_id).first()
    return "" if found is None else str(found.email or found)


def step(receipt: DeletionReceipt, name: str) -> None:
    """Note that a step is done, once, with its time. Not saved here."""
    if all(each["step"] != name for each in receipt.steps):
        receipt.steps = [*receipt.steps, {"step": name, "at": _moment(timezone.now())}]


def removed(receipt: DeletionReceipt, **counts: int) -> None:
    """Note how much went. A step that is repeated finds less: the first count stands."""
    for name, number in counts.items():
        receipt.removed[name] = max(number, int(receipt.removed.get(name, 0)))


def complete(receipt: DeletionReceipt, *, at: datetime) -> None:
    """The last words of a receipt, and the hash over all of it. Not saved here."""
    receipt.done_at = at
    receipt.work, receipt.lease_until = {}, None
    receipt.sha256 = hashlib.sha256(canonical(receipt).encode()).hexdigest()


def body(receipt: DeletionReceipt) -> dict[str, Any]:
    """The receipt as it is hashed: texts, whole numbers, lists and objects of them."""
    return {
        "format": FORMAT,
        "id": str(receipt.pk),
        "kind": receipt.kind,
        "object": _named(receipt.object_id, receipt.name),
        "workspace": _named(receipt.workspace_id, receipt.workspace_name),
        "collection": _named(receipt.collection_id, receipt.collection_name),
        "versions": list(receipt.versions),
        "requested_by": _named(receipt.requested_by_id, receipt.requested_by),
        "requested_at": _moment(receipt.requested_at),
        "steps": list(receipt.steps),
        "removed": dict(receipt.removed),
        "remaining": dict(receipt.remaining),
        "state": receipt.state,
        "completed_at": None if receipt.done_at is None else _moment(receipt.done_at),
    }


def canonical(receipt: DeletionReceipt) -> str:
    """JSON with sorted keys, no spaces and no escapes beyond those of JSON: what
    ``jq -cSj .receipt`` prints, so that a receipt kept elsewhere can be checked without us."""
    return json.dumps(body(receipt), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def is_intact(receipt: DeletionReceipt) -> bool:
    """Whether a complete receipt still is what it was when it was completed."""
    return receipt.sha256 == hashlib.sha256(canonical(receipt).encode()).hexdigest()


def _named(pk: UUID | None, name: str) -> dict[str, str] | None:
    return None if pk is None else {"id": str(pk), "name": name}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
