"""What happened in one workspace, for programs of who manages it."""

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import CURSOR, LIMIT, ApiView, errors, page, page_of
from apps.events import queries
from apps.events.api import FILTERS, TAGS, EventOut, wanted_of
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.api import workspace_named
from apps.workspaces.models import Workspace


class WorkspaceEventsView(ApiView):
    def place(self, *, workspace: str) -> Workspace:
        return workspace_named(workspace)

    @extend_schema(
        operation_id="workspace_events_list",
        summary="What happened in a workspace",
        description="Newest first, for who manages its members; of documents only what they read.",
        tags=TAGS,
        parameters=[CURSOR, LIMIT, *FILTERS],
        responses={200: page_of(EventOut, "WorkspaceEventPage"), **errors(400, 403, 404)},
    )
    def get(self, request: Request, workspace: str) -> Response:
        room = self.place(workspace=workspace)
        current_scope().require(Permission.MEMBER_MANAGE, room.pk)
        rows = queries.audited(wanted_of(request, workspace=room.pk))
        return page(request, rows, EventOut)


urlpatterns = [
    path("workspaces/<str:workspace>/events", WorkspaceEventsView.as_view(), name="room-events"),
]
