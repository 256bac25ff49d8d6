"""When a document counts: outside its days search does not answer from it, and nobody has to
remember to take it away."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import AppError, ErrorCode
from apps.documents.models import Document
from apps.events import services as events
from apps.permissions.scope import current_scope
from apps.workspaces.scopes import scope_of

# What ends or is to be reviewed within this is shown to those who can do something about it.
SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Validity:
    """All that can be said of when a document counts and who looks after it."""

    valid_from: date | None
    valid_until: date | None
    review_on: date | None


def counts_on(day: date, prefix: str = "") -> Q:
    """Documents that are valid on a day; ``prefix`` leads to them from another table."""
    begun = Q(**{f"{prefix}valid_from__isnull": True}) | Q(**{f"{prefix}valid_from__lte": day})
    not_over = Q(**{f"{prefix}valid_until__isnull": True}) | Q(**{f"{prefix}valid_until__gte": day})
    return begun & not_over


def standing_of(document: Document) -> str:
    """ "future", "expired", "review" (its day has come), or "" for a document that just counts."""
    today = timezone.localdate()
    if document.valid_from and document.valid_from > today:
        return "future"
    if document.valid_until and document.valid_until < today:
        return "expired"
    if document.review_on and document.review_on <= today:
        return "review"
    return ""


def narrowed(documents: QuerySet[Document], standing: str) -> QuerySet[Document]:
    """Those that are "expired", or that are to be reviewed or end soon ("attention")."""
    today = timezone.localdate()
    if standing == "expired":
        return documents.filter(valid_until__lt=today)
    soon = today + SOON
    ends = Q(valid_until__gte=today, valid_until__lte=soon)
    return documents.filter(ends | Q(review_on__lte=soon))


@transaction.atomic
def set_validity(*, document: Document, validity: Validity, owner: str | None = None) -> Document:
    """Say when a document counts, when to look at it again, and who looks after it: ``owner`` is an
    e-mail address or a short name of somebody who may read it, "" nobody, None as it is. Raises
    AppError BAD_REQUEST (400, with ``field``)."""
    current_scope().require_write(document.collection_id)
    start, end = validity.valid_from, validity.valid_until
    if start and end and end < start:
        raise AppError(ErrorCode.BAD_REQUEST, field="valid_until", reason="before_start")
    values: dict[str, Any] = {
        "valid_from": start,
        "valid_until": end,
        "review_on": validity.review_on,
    }
    if owner is not None:
        values["owner"] = _reader(owner, document) if owner else None
    for name, value in values.items():
        setattr(document, name, value)
    document.save(update_fields=[*values, "updated_at"])
    events.record(
        "document.validity",
        document,
        name=document.name,
        valid_from=str(start or ""),
        valid_until=str(end or ""),
    )
    events.announce(document.collection_id, {"document": str(document.pk)})
    return document


def _reader(name: str, document: Document) -> User:
    """The person of this address or name, if the document may be read by them. Who may not and who
    does not exist are the same."""
    person = User.objects.filter(Q(email__iexact=name) | Q(login__iexact=name)).first()
    if (
        person is None
        or not person.is_active
        or document.collection_id not in scope_of(person).readable
    ):
        raise AppError(ErrorCode.BAD_REQUEST, field="owner", reason="owner")
    return person
