"""Verbs of administrators on the systems that tell of people."""

from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.core.errors import AppError, ErrorCode
from apps.directory.models import IdentitySource
from apps.directory.people import keep_break_glass
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.scim import people
from apps.scim.jobs import SETTLE
from apps.scim.models import ProvisionedPerson, Provisioning, ProvisioningCall

KEPT_CALLS = 200


@transaction.atomic
def add(*, name: str) -> Provisioning:
    """A source of its own for the people of one system, off until it is switched on. Raises
    AppError CONFLICT when the name is taken."""
    current_scope().require(Permission.ADMINISTER)
    source, _is_new = IdentitySource.objects.get_or_create(
        kind=IdentitySource.Kind.SCIM, name=name.strip()
    )
    if Provisioning.objects.filter(source=source).exists():
        raise AppError(ErrorCode.CONFLICT, status=409, field="name")
    row = Provisioning.objects.create(source=source)
    events.record("scim.added", row, name=source.name)
    return row


@transaction.atomic
def change(*, provisioning: Provisioning, is_on: bool, successor: User | None) -> None:
    """Switch it on or off, and name who gets the documents of leavers. Raises AppError BREAK_GLASS
    when nobody could come in without it."""
    current_scope().require(Permission.ADMINISTER)
    if is_on:
        keep_break_glass()
    provisioning.is_on, provisioning.successor = is_on, successor
    provisioning.save(update_fields=["is_on", "successor"])
    events.record("scim.changed", provisioning, name=str(provisioning), is_on=is_on)


@transaction.atomic
def delete(*, provisioning: Provisioning) -> None:
    """Its tokens end. Its people stay, with what it gave them."""
    current_scope().require(Permission.ADMINISTER)
    events.record("scim.deleted", provisioning, name=str(provisioning))
    provisioning.delete()


@transaction.atomic
def connect_account(*, provisioning: Provisioning, email: str) -> ProvisionedPerson:
    """Say that a local account is the person whom the system knows by this address. Raises AppError
    FORBIDDEN for whoever runs the installation: no system may end them."""
    current_scope().require(Permission.ADMINISTER)
    user = User.objects.get(email__iexact=email.strip(), is_application=False)
    if user.is_administrator:
        raise AppError(ErrorCode.FORBIDDEN, status=403, reason="administrator")
    return people.connect_account(provisioning=provisioning, user=user)


def note(*, provisioning: Provisioning, method: str, address: str, status: int, said: str) -> None:
    """Write down a call; the last ones are kept."""
    row = ProvisioningCall.objects.create(
        provisioning=provisioning,
        method=method,
        address=address[:300],
        status=status,
        said=said[:300],
    )
    if row.pk % 20 == 0:
        rows = ProvisioningCall.objects.filter(provisioning=provisioning)
        kept = list(rows.values_list("pk", flat=True)[:KEPT_CALLS])
        rows.exclude(pk__in=kept).delete()


# --- what others change ---------------------------------------------------------------------------
def settle_later(source_id: UUID) -> None:
    """Make so what the rules of this source give now, where its people come by SCIM: it asks
    nobody by itself, so nothing else would."""
    if Provisioning.objects.filter(source=source_id).exists():
        SETTLE.enqueue(source_id=str(source_id))


def may_not_end(user_id: UUID) -> None:
    """Called before an account is deactivated or loses the administration by hand: while a system
    tells who is here, one way in without it stays. Raises AppError BREAK_GLASS."""
    if Provisioning.objects.filter(is_on=True).exists():
        keep_break_glass(but=User.objects.get(pk=user_id))
