"""The installation's own roles, for programs."""

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import CURSOR, IDEMPOTENCY_KEY, LIMIT, ApiView, checked, errors, page, page_of
from apps.core.idempotency import idempotent
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.models import CustomRole
from apps.workspaces.roles import services

_CHOICES = [permission.value for permission in Permission]


class CustomRoleIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=60)
    permissions = serializers.ListField(
        child=serializers.ChoiceField(choices=_CHOICES), min_length=1, max_length=len(_CHOICES)
    )


class CustomRolePatch(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=60, required=False)
    permissions = serializers.ListField(
        child=serializers.ChoiceField(choices=_CHOICES),
        min_length=1,
        max_length=len(_CHOICES),
        required=False,
    )


class CustomRoleOut(serializers.ModelSerializer[CustomRole]):
    permissions = serializers.ListField(child=serializers.ChoiceField(choices=_CHOICES))

    class Meta:
        model = CustomRole
        fields = ("id", "name", "permissions", "created_at")


class RolesView(ApiView):
    @extend_schema(
        operation_id="roles_list",
        summary="Roles that this installation made itself",
        description="Beside viewer, contributor and manager. For administrators.",
        tags=["roles"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(CustomRoleOut, "CustomRolePage"), **errors(403)},
    )
    def get(self, request: Request) -> Response:
        current_scope().require(Permission.ADMINISTER)
        return page(request, CustomRole.objects.all(), CustomRoleOut)

    @extend_schema(
        operation_id="roles_create",
        summary="Make a role",
        description="What a permission needs is added: asking needs reading.",
        tags=["roles"],
        parameters=[IDEMPOTENCY_KEY],
        request=CustomRoleIn,
        responses={201: CustomRoleOut, **errors(400, 403, 409)},
        examples=[
            OpenApiExample(
                "People only",
                value={"name": "Personnel", "permissions": ["member.manage"]},
                request_only=True,
            )
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        current_scope().require(Permission.ADMINISTER)
        role = services.create_role(**checked(CustomRoleIn, request.data))
        return Response(CustomRoleOut(role).data, status=201)


class RoleView(ApiView):
    def place(self, *, role: UUID) -> CustomRole:
        current_scope().require(Permission.ADMINISTER)
        return CustomRole.objects.get(pk=role)

    @extend_schema(
        operation_id="roles_get",
        summary="One role",
        tags=["roles"],
        responses={200: CustomRoleOut, **errors(403, 404)},
    )
    def get(self, request: Request, role: UUID) -> Response:
        return Response(CustomRoleOut(self.place(role=role)).data)

    @extend_schema(
        operation_id="roles_update",
        summary="Change a role",
        description="It bites on the next request of everybody who holds it.",
        tags=["roles"],
        request=CustomRolePatch,
        responses={200: CustomRoleOut, **errors(400, 403, 404, 409)},
    )
    def patch(self, request: Request, role: UUID) -> Response:
        found = self.place(role=role)
        changed = services.update_role(role=found, **checked(CustomRolePatch, request.data))
        return Response(CustomRoleOut(changed).data)

    @extend_schema(
        operation_id="roles_delete",
        summary="Remove a role that nobody holds",
        tags=["roles"],
        responses={204: None, **errors(403, 404, 409)},
    )
    def delete(self, request: Request, role: UUID) -> Response:
        services.delete_role(role=self.place(role=role))
        return Response(status=204)


urlpatterns = [
    path("administration/roles", RolesView.as_view(), name="roles"),
    path("administration/roles/<uuid:role>", RoleView.as_view(), name="role"),
]
