"""Sources, as things that somebody looks after. A source acts with its owner's rights, so it goes to
nobody with whom it would stop."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.permissions.roles import Permission, Role
from apps.sources.models import Source
from apps.workspaces.handover.kinds import Field, Giver, Heir, Lack, Thing

_LACK = Lack(
    _("They may not add documents and manage collections there: it would stop."), Role.MANAGER
)


class Sources:
    name = "source"
    one = _("Source")
    falls_to_manager = False

    def held(self, giver: Giver, place: Field) -> Sequence[Thing]:
        rows = Source.objects.filter(giver.rows(), collection__workspace__in=place.workspaces)
        columns = ("pk", "name", "collection__workspace_id", "collection_id")
        return [Thing(self.name, *row) for row in rows.values_list(*columns)]

    def owners(self, place: Field) -> Iterable[UUID]:
        rows = Source.objects.filter(
            collection__workspace__in=place.workspaces, owner__isnull=False
        )
        return rows.order_by().values_list("owner_id", flat=True).distinct()

    def lack(self, thing: Thing, heir: Heir) -> Lack | None:
        writes = thing.collection_id in heir.scope.writable
        manages = heir.scope.allows(Permission.COLLECTION_MANAGE, thing.workspace_id)
        return None if writes and manages else _LACK

    def is_passed_on(self, thing: Thing, giver: Heir) -> bool:
        return self.lack(thing, giver) is None

    def give(self, thing: Thing, giver: Giver, heir: User | None) -> int:
        return Source.objects.filter(giver.rows(), pk=thing.id).update(owner=heir)
