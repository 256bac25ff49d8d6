"""What happened in one workspace, for who manages it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.events import views as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.models import Workspace


@never_cache
@require_safe
def audit(request: HttpRequest, slug: str) -> HttpResponse:
    room = _managed(slug)
    context = events.listing(request, workspace_id=room.pk)
    return render(request, "workspaces/audit.html", {**context, "workspace": room})


@require_safe
def export(request: HttpRequest, slug: str) -> HttpResponse:
    """The same as CSV."""
    return events.as_file(request, workspace_id=_managed(slug).pk)


def _managed(slug: str) -> Workspace:
    """To whom it is not shown it does not exist; to members it is refused."""
    room = get_object_or_404(Workspace, slug=slug)
    current_scope().require(Permission.MEMBER_MANAGE, room.pk)
    return room
