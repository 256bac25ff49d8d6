"""Requests to be let in, for programs."""

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api import require_whole_key
from apps.accounts.serializers import PersonOut
from apps.core.drf import CURSOR, IDEMPOTENCY_KEY, LIMIT, ApiView, checked, errors, page, page_of
from apps.core.idempotency import idempotent
from apps.permissions.roles import Role
from apps.workspaces.access import queries, services
from apps.workspaces.api import workspace_named
from apps.workspaces.models import AccessRequest, Workspace
from apps.workspaces.serializers import GRANT_ROLES

ACCESS_STATES = AccessRequest.State.choices


class ListedOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()


class ListedPage(serializers.Serializer[Any]):
    items = ListedOut(many=True)


class AccessIn(serializers.Serializer[Any]):
    collection = serializers.UUIDField()
    reason = serializers.CharField(max_length=1000)


class ApproveIn(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=GRANT_ROLES, default=Role.VIEWER)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    answer = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class RefuseIn(serializers.Serializer[Any]):
    answer = serializers.CharField(max_length=1000)


class AccessOut(serializers.ModelSerializer[AccessRequest]):
    collection = serializers.UUIDField(source="collection_id")
    asker = PersonOut()
    state = serializers.ChoiceField(choices=ACCESS_STATES)

    class Meta:
        model = AccessRequest
        fields = (
            "id",
            "collection",
            "asker",
            "reason",
            "state",
            "answer",
            "answered_at",
            "created_at",
        )


class ListedView(ApiView):
    def place(self, *, workspace: str) -> Workspace:
        return workspace_named(workspace)

    @extend_schema(
        operation_id="listed_collections",
        summary="Listed collections that you cannot open, and may ask for",
        tags=["access"],
        responses={200: ListedPage, **errors(404)},
    )
    def get(self, request: Request, workspace: str) -> Response:
        found = queries.wishes(self.place(workspace=workspace))
        return Response(ListedPage({"items": found}).data)


class AccessRequestsView(ApiView):
    def place(self, *, workspace: str) -> Workspace:
        return workspace_named(workspace)

    @extend_schema(
        operation_id="access_requests_list",
        summary="Requests to be let into a collection",
        description="Your own, or those that you decide about.",
        tags=["access"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(AccessOut, "AccessPage"), **errors(404)},
    )
    def get(self, request: Request, workspace: str) -> Response:
        rows = queries.seen(self.place(workspace=workspace)).select_related("asker")
        return page(request, rows, AccessOut)

    @extend_schema(
        operation_id="access_requests_create",
        summary="Ask to be let into a collection",
        description="By yourself, by a key that may do everything you may, or by an application "
        "for you. A key that reads or asks writes to nobody in your name.",
        tags=["access"],
        parameters=[IDEMPOTENCY_KEY],
        request=AccessIn,
        responses={201: AccessOut, **errors(400, 403, 404, 409)},
        examples=[
            OpenApiExample(
                "For a tender",
                value={
                    "collection": "01932d4c-89ab-7def-8123-456789abcdef",
                    "reason": "I write the tender.",
                },
                request_only=True,
            )
        ],
    )
    @idempotent
    def post(self, request: Request, workspace: str) -> Response:
        room = self.place(workspace=workspace)
        require_whole_key(request)
        wanted = checked(AccessIn, request.data)
        made = services.ask(
            workspace=room, collection_id=wanted["collection"], reason=wanted["reason"]
        )
        return Response(AccessOut(made).data, status=201)


class AccessRequestView(ApiView):
    def place(self, *, workspace: str, access: UUID) -> AccessRequest:
        return queries.seen(workspace_named(workspace)).get(pk=access)

    @extend_schema(
        operation_id="access_requests_get",
        summary="One request, and what came of it",
        tags=["access"],
        responses={200: AccessOut, **errors(404)},
    )
    def get(self, request: Request, workspace: str, access: UUID) -> Response:
        return Response(AccessOut(self.place(workspace=workspace, access=access)).data)

    @extend_schema(
        operation_id="access_requests_withdraw",
        summary="Withdraw a request of yours",
        tags=["access"],
        responses={204: None, **errors(403, 404, 409)},
    )
    def delete(self, request: Request, workspace: str, access: UUID) -> Response:
        found = self.place(workspace=workspace, access=access)
        require_whole_key(request)
        services.withdraw(request=found)
        return Response(status=204)


class ApproveView(ApiView):
    def place(self, *, workspace: str, access: UUID) -> AccessRequest:
        return services.decided_here(access, workspace_named(workspace))

    @extend_schema(
        operation_id="access_requests_approve",
        summary="Let somebody in",
        tags=["access"],
        parameters=[IDEMPOTENCY_KEY],
        request=ApproveIn,
        responses={200: AccessOut, **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, workspace: str, access: UUID) -> Response:
        found = self.place(workspace=workspace, access=access)
        return Response(
            AccessOut(services.approve(request=found, **checked(ApproveIn, request.data))).data
        )


class RefuseView(ApproveView):
    @extend_schema(
        operation_id="access_requests_refuse",
        summary="Refuse a request, with a reason",
        tags=["access"],
        parameters=[IDEMPOTENCY_KEY],
        request=RefuseIn,
        responses={200: AccessOut, **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, workspace: str, access: UUID) -> Response:
        found = self.place(workspace=workspace, access=access)
        return Response(
            AccessOut(services.refuse(request=found, **checked(RefuseIn, request.data))).data
        )


_REQUESTS = "workspaces/<str:workspace>/access-requests"

urlpatterns = [
    path("workspaces/<str:workspace>/listed-collections", ListedView.as_view(), name="listed"),
    path(_REQUESTS, AccessRequestsView.as_view(), name="access-requests"),
    path(f"{_REQUESTS}/<uuid:access>", AccessRequestView.as_view(), name="access-request"),
    path(f"{_REQUESTS}/<uuid:access>/approve", ApproveView.as_view(), name="access-approve"),
    path(f"{_REQUESTS}/<uuid:access>/refuse", RefuseView.as_view(), name="access-refuse"),
]
