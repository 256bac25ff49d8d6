"""Workspaces, as things that somebody looks after."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.permissions.roles import Permission, Role
from apps.workspaces.handover.kinds import Field, Giver, Heir, Lack, Thing
from apps.workspaces.models import Workspace

MANAGES = frozenset({Permission.WORKSPACE_MANAGE, Permission.MEMBER_MANAGE})
_LACK = Lack(_("They do not manage this workspace."), Role.MANAGER)


class Rooms:
    name = "workspace"
    one = _("Workspace")
    falls_to_manager = False

    def held(self, giver: Giver, place: Field) -> Sequence[Thing]:
        rows = Workspace.objects.filter(giver.rows(), pk__in=place.workspaces)
        return [Thing(self.name, pk, name, pk) for pk, name in rows.values_list("pk", "name")]

    def owners(self, place: Field) -> Iterable[UUID]:
        rows = Workspace.objects.filter(pk__in=place.workspaces, owner__isnull=False)
        return rows.order_by().values_list("owner_id", flat=True).distinct()

    def lack(self, thing: Thing, heir: Heir) -> Lack | None:
        assert thing.workspace_id is not None  # noqa: S101 - a workspace lies in itself
        held = heir.scope.workspaces.get(thing.workspace_id, frozenset())
        return None if held >= MANAGES else _LACK

    def is_passed_on(self, thing: Thing, giver: Heir) -> bool:
        return self.lack(thing, giver) is None

    def give(self, thing: Thing, giver: Giver, heir: User | None) -> int:
        return Workspace.objects.filter(giver.rows(), pk=thing.id).update(owner=heir)
