"""Documents of somebody who left get another owner."""

from collections import defaultdict
from uuid import UUID

from django.db.models import Q

from apps.accounts.models import User
from apps.documents.models import Document
from apps.events import services as events
from apps.permissions.roles import Role
from apps.workspaces.models import Member
from apps.workspaces.scopes import scope_of


def hand_over(*, user: User, successor: User | None = None) -> int:
    """Give the documents of ``user`` to ``successor`` where that person may read them, else to a
    manager of their workspace; without one they are nobody's. Returns how many. Runs in a system
    scope: whoever decides that somebody left reads none of them."""
    readable = scope_of(successor).readable if successor and successor.is_active else frozenset()
    by_place: dict[tuple[UUID, UUID], list[UUID]] = defaultdict(list)
    rows = Document.objects.filter(owner=user)
    places = rows.values_list("pk", "collection_id", "collection__workspace_id")
    for pk, collection_id, workspace_id in places:
        by_place[collection_id, workspace_id].append(pk)
    for (collection_id, workspace_id), documents in by_place.items():
        heir = successor if collection_id in readable else _manager(workspace_id, but=user)
        Document.objects.filter(pk__in=documents).update(owner=heir)
        events.record(
            "document.handed_over",
            workspace_id=workspace_id,
            collection_id=collection_id,
            count=len(documents),
            from_person=str(user),
            to_person=str(heir or ""),
        )
    return sum(map(len, by_place.values()))


def _manager(workspace_id: UUID, *, but: User) -> User | None:
    """Whoever has managed the workspace for longest, as a person before through a group."""
    managers = Member.objects.filter(workspace_id=workspace_id, role=Role.MANAGER)
    for holds in ("memberships", "kb_groups__memberships"):
        rows = User.objects.filter(Q(**{f"{holds}__in": managers}), is_active=True)
        if found := rows.exclude(pk=but.pk).order_by("created_at").first():
            return found
    return None
