"""Verbs on people whom another system tells of: made, changed, ended, and put into groups.

They are people of an outside source like those of a directory: found by a key that never changes,
never by an address, and ended by the same path as its leavers.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from scim2_models import ForbiddenException, InvalidValueException, UniquenessException

from apps.accounts.models import User as Account
from apps.core.errors import AppError, message_of
from apps.core.ids import uuid7
from apps.directory import mapping
from apps.directory.models import GivenAdministrator, Identity, IdentitySource
from apps.directory.people import Outside, address_of, connect, end, person_for
from apps.scim.models import ProvisionedPerson, Provisioning
from apps.scim.resources import User

KEPT = "This person is an administrator here: name, address and end are decided here."
_LONGEST_NAME, _LONGEST_ID, _LONGEST_WORD = 254, 255, 150


# --- what was said --------------------------------------------------------------------------------
def email_of(said: User) -> str:
    """The address of a person: the primary one, that of the work, any; else a name that is one."""
    rows = [each for each in said.emails or [] if each.value]
    rows.sort(key=lambda each: (not each.primary, (each.type or "").lower() != "work"))
    for text in [*(str(each.value).strip() for each in rows), (said.user_name or "").strip()]:
        try:
            validate_email(text)
        except ValidationError:
            continue
        if len(text) <= _LONGEST_NAME:
            return text
    return ""


def full_name_of(said: User) -> str:
    """What a person is called. Chinese names have the family first, and no gap."""
    name = said.name
    given, family = (name.given_name or "", name.family_name or "") if name else ("", "")
    is_chinese = any("\u4e00" <= sign <= "\u9fff" for sign in family)
    parts = f"{family}{given}" if is_chinese else f"{given} {family}".strip()
    return (said.display_name or (name.formatted if name else "") or parts or "").strip()[
        :_LONGEST_WORD
    ]


def _outside(row: ProvisionedPerson, said: User, groups: Collection[str]) -> Outside:
    login = row.user_name if "@" not in row.user_name else ""
    return Outside(
        key=str(row.pk),
        email=row.email,
        login=login[:_LONGEST_WORD],
        full_name=full_name_of(said),
        name=row.user_name,
        is_enabled=row.is_active,
        groups=tuple(groups),
    )


def groups_of(row: ProvisionedPerson) -> list[str]:
    """Names and ids of their groups: a rule may be written for either."""
    rows = row.groups.order_by("name").values_list("name", "pk")
    return [text for name, pk in rows for text in (name, str(pk))]


def _take(row: ProvisionedPerson, said: User) -> None:
    """Write down what was said. Raises SCIMException when it cannot be."""
    name, outside = (said.user_name or "").strip(), said.external_id or ""
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidValueException(detail="userName is empty, too long or not printable.")
    if len(outside) > _LONGEST_ID:
        raise InvalidValueException(detail="externalId is too long.")
    others = ProvisionedPerson.objects.filter(source=row.source, deleted_at=None)
    if others.filter(user_name__iexact=name).exclude(pk=row.pk).exists():
        raise UniquenessException(detail="There is a person of this userName already.")
    if said.active is None:
        said.active = row.is_active  # left out is no leaving, and no coming back
    row.user_name, row.external_id = name, outside
    row.email, row.display_name = email_of(said), (said.display_name or "")[:300]
    row.is_active = bool(said.active)
    kept = said.model_dump(exclude={"id", "meta", "groups", "schemas"})
    row.said = {key: value for key, value in kept.items() if key != "schemas"}


# --- verbs ----------------------------------------------------------------------------------------
@transaction.atomic
def create(*, provisioning: Provisioning, said: User) -> ProvisionedPerson:
    """A person, or one of this source who was deleted there and comes back with the same
    externalId. Raises SCIMException (uniqueness) for a name that is taken, and for an address of
    somebody who is not this source's."""
    source = provisioning.source
    returning = _returning(source, said)
    if returning is not None and _is_kept(returning):
        raise ForbiddenException(detail=KEPT)
    row = returning or ProvisionedPerson(pk=uuid7(), source=source)
    row.deleted_at, row.is_active = None, True
    _take(row, said)
    try:
        person_for(source=source, outside=_outside(row, said, ()))
    except AppError as error:
        raise UniquenessException(detail=str(message_of(error.code))) from error
    row.identity = Identity.objects.select_related("user").get(source=source, key=str(row.pk))
    row.save()
    _make_so(provisioning, row)
    return row


def _returning(source: IdentitySource, said: User) -> ProvisionedPerson | None:
    if not said.external_id:
        return None
    gone = ProvisionedPerson.objects.filter(source=source).exclude(deleted_at=None)
    return gone.filter(external_id=said.external_id).order_by("-deleted_at").first()


@transaction.atomic
def change(*, provisioning: Provisioning, row: ProvisionedPerson, said: User) -> None:
    """Let a person be as is said now. Raises ForbiddenException for another name or address of an
    administrator, and for the end of one."""
    before = (row.user_name.casefold(), row.email.casefold(), row.is_active)
    _take(row, said)
    outside = _outside(row, said, groups_of(row))
    if _is_kept(row):
        if (row.user_name.casefold(), row.email.casefold(), row.is_active) != before:
            raise ForbiddenException(detail=KEPT)
        outside = replace(outside, login="", email="")  # what is here stays, whatever it is there
    row.save()
    person_for(source=row.source, outside=outside)
    row.identity.refresh_from_db()
    _make_so(provisioning, row)


def _is_kept(row: ProvisionedPerson) -> bool:
    """Whether this is an active administrator otherwise than by a rule of this source: such a one
    is neither renamed nor ended from outside."""
    user = Account.objects.get(identities=row.identity_id)
    given = GivenAdministrator.objects.filter(source=row.source, user=user, was_by_hand=False)
    return user.is_active and user.is_administrator and not given.exists()


def _make_so(provisioning: Provisioning, row: ProvisionedPerson) -> None:
    """What their groups give, or the end of everything."""
    identity = Identity.objects.select_related("user", "source").get(pk=row.identity_id)
    if row.is_active:
        origin = row.source.origin
        mapping.apply_groups(user=identity.user, origin=origin, groups=identity.groups)
    elif identity.user.is_active:
        end(identity=identity, successor=provisioning.successor)


@transaction.atomic
def delete(*, provisioning: Provisioning, row: ProvisionedPerson) -> None:
    """End a person for good: what is deleted stands in nobody's way, so their name and address are
    free again. The account stays, for what they made. Raises ForbiddenException for an
    administrator."""
    if _is_kept(row):
        raise ForbiddenException(detail=KEPT)
    row.is_active, row.deleted_at = False, timezone.now()
    row.save()
    row.memberships.all().delete()
    identity = Identity.objects.select_related("user", "source").get(pk=row.identity_id)
    if identity.is_enabled or identity.user.is_active:
        end(identity=identity, successor=provisioning.successor)
    user = Account.objects.get(pk=identity.user_id)
    if not user.is_active:
        user.email = address_of(row.source, Outside(key=str(row.pk)))
        user.login = ""
        user.save(update_fields=["email", "login"])


# --- groups ---------------------------------------------------------------------------------------
def regroup(source: IdentitySource, people: Collection[UUID]) -> None:
    """Write down in which groups these people are, and make what those give so. Costs a few
    queries however many they are, and more only for whom something changes."""
    rows = list(
        ProvisionedPerson.objects.filter(pk__in=people, deleted_at=None)
        .select_related("identity__user")
        .prefetch_related("groups")
    )
    rules = mapping.rules_of(source)
    held = mapping.held(source, *(row.identity.user for row in rows)) if rows else {}
    for row in rows:
        found = sorted(row.groups.all(), key=lambda each: each.name)
        row.identity.groups = [text for each in found for text in (each.name, str(each.pk))]
    Identity.objects.bulk_update([row.identity for row in rows], ["groups"], batch_size=500)
    for row in rows:
        user, groups = row.identity.user, row.identity.groups
        want = mapping.wanted(rules, groups)
        if row.is_active and mapping.difference(want, held.get(user.pk, set())):
            mapping.apply_groups(user=user, origin=source.origin, groups=groups)


def settle(source_id: UUID) -> None:
    """Make so what the rules of a source give now, for everybody of it. May run twice."""
    source = IdentitySource.objects.get(pk=source_id)
    rows = ProvisionedPerson.objects.filter(source=source, deleted_at=None, is_active=True)
    everybody = list(rows.values_list("pk", flat=True))
    for start in range(0, len(everybody), 200):
        regroup(source, everybody[start : start + 200])


# --- accounts that are here already ---------------------------------------------------------------
@transaction.atomic
def connect_account(*, provisioning: Provisioning, user: Account) -> ProvisionedPerson:
    """Let an account that is here be found by the other system under its address, because an
    administrator says so. Its local password ends."""
    said: dict[str, Any] = {
        "userName": user.email,
        "active": True,
        "emails": [{"value": user.email, "type": "work", "primary": True}],
    }
    row = ProvisionedPerson(pk=uuid7(), source=provisioning.source)
    row.identity = connect(source=provisioning.source, key=str(row.pk), user=user)
    _take(row, User.model_validate(said))
    row.save()
    return row
