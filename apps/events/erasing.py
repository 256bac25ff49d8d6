"""Taking a person out of the list of events, as the law may demand, without breaking the chain.

What says who it was is emptied; when, where in the chain and what kind of thing happened stays. The
erasure is an event itself and says how many it emptied, so that nobody hides a change as one.
"""

import json
from uuid import UUID

from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Cast

from apps.core.errors import AppError, ErrorCode
from apps.events import chain, services
from apps.events.models import Event
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope

_SHORTEST = 4
_TRIES = 20


def naming(person: UUID, names: tuple[str, ...]) -> QuerySet[Event]:
    """Events of, for and about a person, and those whose words hold one of their names."""
    found = Q(actor_id=person) | Q(on_behalf_of=person)
    found |= Q(object_type="user", object_id=person) | Q(words__icontains=str(person))
    for name in names:
        if len(name) >= _SHORTEST or not name.isascii():
            # Some databases keep other letters as they are, some as JSON escapes.
            found |= Q(words__icontains=name) | Q(words__icontains=json.dumps(name).strip('"'))
    rows = Event.objects.annotate(words=Cast("data", models.TextField()))
    return rows.filter(found, erased_by=None).exclude(kind="events.erased")


def _place_all(person: UUID, names: tuple[str, ...]) -> None:
    """Give every event of theirs its place. While another worker appends, ours appends nothing: then
    once more. Raises AppError CONFLICT when that does not end."""
    for _try in range(_TRIES):
        chain.extend()
        if not naming(person, names).filter(pk__in=chain.waiting().values("pk")).exists():
            return
    raise AppError(ErrorCode.CONFLICT, status=409, reason="waiting")


@transaction.atomic
def erase(*, person: UUID, names: tuple[str, ...] = ()) -> int:
    """Empty what is written of this person. Returns of how many events. What is not in the chain
    yet is sealed first, so that what was erased has a place in it."""
    current_scope().require(Permission.ADMINISTER)
    _place_all(person, names)
    ids = list(naming(person, names).exclude(position=None).values_list("pk", flat=True))
    if not ids:
        return 0
    told = services.record("events.erased", count=len(ids))
    Event.objects.filter(pk__in=ids).update(
        actor=None,
        api_key_id=None,
        on_behalf_of=None,
        address=None,
        data={},
        salt="",
        erased_by=told.pk,
    )
    about = Event.objects.filter(pk__in=ids, object_type="user")
    about.update(object_id=None)
    return len(ids)
