"""Documents, as things that somebody looks after: those of one collection together."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.documents.models import Document
from apps.permissions.roles import Role
from apps.workspaces.handover.kinds import Field, Giver, Heir, Lack, Thing

_OPEN = Lack(_("They have no role that opens these documents."), Role.VIEWER)
_CLOSED = Lack(_("They may not open these documents. Whoever manages the collection can grant it."))


class Documents:
    name = "document"
    one = _("Documents")
    falls_to_manager = True

    def held(self, giver: Giver, place: Field) -> Sequence[Thing]:
        rows = Document.objects.filter(giver.rows(), collection__workspace__in=place.workspaces)
        columns = (
            "collection_id", "collection__name", "collection__workspace_id", "collection__is_open"
        )  # fmt: skip
        found = rows.order_by("collection__name").values_list(*columns).annotate(Count("pk"))
        return [
            Thing(self.name, pk, name, workspace_id, pk, count, is_open=is_open)
            for pk, name, workspace_id, is_open, count in found
        ]

    def owners(self, place: Field) -> Iterable[UUID]:
        rows = Document.objects.filter(
            collection__workspace__in=place.workspaces, owner__isnull=False
        )
        return rows.order_by().values_list("owner_id", flat=True).distinct()

    def lack(self, thing: Thing, heir: Heir) -> Lack | None:
        if thing.collection_id in heir.scope.readable:
            return None
        return _OPEN if thing.is_open else _CLOSED

    def is_passed_on(self, thing: Thing, giver: Heir) -> bool:
        return self.lack(thing, giver) is None

    def give(self, thing: Thing, giver: Giver, heir: User | None) -> int:
        return Document.objects.filter(giver.rows(), collection=thing.collection_id).update(
            owner=heir
        )
