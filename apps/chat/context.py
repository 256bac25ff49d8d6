"""What every page of a signed-in person shows beside its own content."""

from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from apps.chat.queries import Group, conversations_grouped
from apps.chat.strings import ui_strings
from apps.workspaces.models import Workspace


class Sidebar:
    """Workspaces and conversations, asked for only when a template shows them."""

    @cached_property
    def workspaces(self) -> QuerySet[Workspace]:
        return Workspace.objects.all()

    @cached_property
    def conversations(self) -> list[Group]:
        return conversations_grouped(limit=40)


def sidebar(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Costs nothing where no page is rendered, and nothing for strangers."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"ui_strings": ui_strings}
    return {"ui_strings": ui_strings, "sidebar": Sidebar()}
