"""Verbs on groups that another system tells of. Here they give nothing by themselves: the rules of
the source say what."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from scim2_models import InvalidValueException

from apps.core.ids import as_uuid
from apps.scim.models import ProvisionedGroup, ProvisionedMember, ProvisionedPerson, Provisioning
from apps.scim.people import regroup
from apps.scim.resources import Group

_LONGEST_NAME, _LONGEST_ID = 300, 255


@transaction.atomic
def create(*, provisioning: Provisioning, said: Group) -> ProvisionedGroup:
    """A group with the people that are named."""
    row = ProvisionedGroup(source=provisioning.source)
    _take(row, said)
    row.save()
    regroup(row.source, _set_members(row, said))
    return row


@transaction.atomic
def change(*, row: ProvisionedGroup, said: Group) -> None:
    """Let a group be as is said now. Another name counts for everybody who is in it."""
    was = row.name
    _take(row, said)
    row.save()
    changed = _set_members(row, said)
    if row.name != was:
        changed |= set(row.memberships.values_list("person_id", flat=True))
    regroup(row.source, changed)


@transaction.atomic
def delete(*, row: ProvisionedGroup) -> None:
    """What it gave is taken back from everybody who was in it."""
    people = set(row.memberships.values_list("person_id", flat=True))
    source = row.source
    row.delete()
    regroup(source, people)


def _take(row: ProvisionedGroup, said: Group) -> None:
    name, outside = (said.display_name or "").strip(), said.external_id or ""
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidValueException(detail="displayName is empty, too long or not printable.")
    if len(outside) > _LONGEST_ID:
        raise InvalidValueException(detail="externalId is too long.")
    row.name, row.external_id = name, outside


def _set_members(row: ProvisionedGroup, said: Group) -> set[UUID]:
    """Let exactly these people be in it. Returns who came or went."""
    had = set(row.memberships.values_list("person_id", flat=True))
    want = set(_people(row, (each.value for each in said.members or []), had))
    row.memberships.filter(person_id__in=had - want).delete()
    ProvisionedMember.objects.bulk_create(
        [ProvisionedMember(group=row, person_id=pk) for pk in want - had], ignore_conflicts=True
    )
    return had ^ want


def _people(row: ProvisionedGroup, values: Iterable[str | None], had: set[UUID]) -> set[UUID]:
    """Ids of people of the same source. Raises SCIMException for any other value: groups in groups
    are not taken, and nobody else's people."""
    named = {as_uuid(value or "") for value in values}
    new = {pk for pk in named if pk is not None} - had
    rows = ProvisionedPerson.objects.filter(source=row.source, deleted_at=None, pk__in=new)
    known = set(rows.values_list("pk", flat=True))
    if None in named or known != new:
        raise InvalidValueException(detail="A member is no person of this source.")
    return known | ({pk for pk in named if pk is not None} & had)
