"""Who is asking, the workspaces, and their members."""

from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import reauth
from apps.accounts import services as accounts
from apps.accounts.api import owner_of, require_whole_owner
from apps.accounts.models import ApiKey, Group, User
from apps.accounts.serializers import KeyOut, MePatch
from apps.core.drf import (
    CURSOR,
    IDEMPOTENCY_KEY,
    LIMIT,
    ApiView,
    checked,
    errors,
    page,
    page_of,
)
from apps.core.idempotency import idempotent
from apps.permissions.roles import Permission
from apps.permissions.scope import Scope, current_scope, entered
from apps.workspaces import services
from apps.workspaces.models import Member, Workspace
from apps.workspaces.queries import visible_workspaces
from apps.workspaces.resolvers import scope_again
from apps.workspaces.serializers import (
    MemberIn,
    MemberOut,
    MeOut,
    RoleIn,
    WorkspaceIn,
    WorkspaceOut,
    WorkspacePatch,
)

# 204 has no body: where the receipt of what was removed is found.
RECEIPT_HEADER = "Deletion-Receipt"


def workspace_named(name: str) -> Workspace:
    """A workspace by slug or id, through the caller's scope."""
    rows = Workspace.objects.select_related("owner")
    try:
        return rows.get(pk=UUID(name))
    except ValueError:
        return rows.get(slug=name)


def removed(receipt: UUID) -> Response:
    """Nothing is left to show but where the receipt is."""
    return Response(status=204, headers={RECEIPT_HEADER: f"/api/v1/deletions/{receipt}"})


def holder(wanted: dict[str, Any]) -> dict[str, Any]:
    """``{"user": User}`` or ``{"group": Group}`` from what HolderIn has checked."""
    if "user" in wanted:
        return {"user": _one(User, wanted["user"], by="email__iexact", field="user")}
    return {"group": _one(Group, wanted["group"], by="name__iexact", field="group")}


def _one(model: type[User] | type[Group], name: str, *, by: str, field: str) -> User | Group:
    try:
        lookup: dict[str, object] = {"pk": UUID(name)}
    except ValueError:
        lookup = {by: name}
    found = model.objects.filter(**lookup).first()
    if found is None:
        raise ValidationError({field: [_("Nobody of this name is known here.")]})
    return found


def anew() -> AbstractContextManager[Scope]:
    """The caller's scope with what this very request has made."""
    return entered(scope_again(current_scope()))


class MeView(ApiView):
    def place(self) -> User:
        """Read anew: who asks was read before If-Match held the row."""
        return User.objects.get(pk=owner_of(self.request).pk)

    @extend_schema(
        operation_id="me",
        summary="Who you are and what you may do",
        tags=["me"],
        responses={200: MeOut, **errors()},
    )
    def get(self, request: Request) -> Response:
        scope, user = current_scope(), self.place()
        key = KeyOut(request.auth).data if isinstance(request.auth, ApiKey) else None
        rooms = [
            {
                "id": room.pk,
                "slug": room.slug,
                "name": room.name,
                "permissions": sorted(scope.workspaces.get(room.pk, ())),
            }
            for room in visible_workspaces()
        ]
        return Response(
            {
                "id": user.pk,
                "email": user.email,
                "name": user.name,
                "login": user.login,
                "language": user.language,
                "theme": user.theme,
                "is_administrator": user.is_administrator,
                "permissions": sorted(scope.permissions),
                "workspaces": rooms,
                "key": key,
                "acting": scope.acting(),
            }
        )

    @extend_schema(
        operation_id="me_update",
        summary="Change your name, login name, language or theme",
        description="By yourself, or by a key that may do everything you may.",
        tags=["me"],
        request=MePatch,
        responses={200: MeOut, **errors(400, 403, 409)},
    )
    def patch(self, request: Request) -> Response:
        require_whole_owner(request)
        user, wanted = self.place(), checked(MePatch, request.data)
        if wanted.get("login", user.login) != user.login:
            reauth.require(request)  # it is a new way in
        if {"name", "login"} & set(wanted):
            names = {"name": user.name, "login": user.login}
            names |= {name: wanted[name] for name in names if name in wanted}
            accounts.rename_user(user=user, **names)
        accounts.prefer(user=user, language=wanted.get("language"), theme=wanted.get("theme"))
        return self.get(request)


class WorkspacesView(ApiView):
    @extend_schema(
        operation_id="workspaces_list",
        summary="Workspaces that you may use",
        tags=["workspaces"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(WorkspaceOut, "WorkspacePage"), **errors()},
    )
    def get(self, request: Request) -> Response:
        return page(request, Workspace.objects.select_related("owner"), WorkspaceOut)

    @extend_schema(
        operation_id="workspaces_create",
        summary="Make a workspace",
        description="You become its manager. It starts with one open collection.",
        tags=["workspaces"],
        parameters=[IDEMPOTENCY_KEY],
        request=WorkspaceIn,
        responses={201: WorkspaceOut, **errors(400, 403, 409)},
        examples=[
            OpenApiExample("Contracts", value={"name": "Contracts", "slug": "contracts"}),
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        workspace = services.create_workspace(**checked(WorkspaceIn, request.data))
        with anew():
            return Response(WorkspaceOut(workspace).data, status=201)


class WorkspaceView(ApiView):
    def place(self, *, workspace: str) -> Workspace:
        return workspace_named(workspace)

    @extend_schema(
        operation_id="workspaces_get",
        summary="One workspace",
        tags=["workspaces"],
        responses={200: WorkspaceOut, **errors(404)},
    )
    def get(self, request: Request, workspace: str) -> Response:
        return Response(WorkspaceOut(self.place(workspace=workspace)).data)

    @extend_schema(
        operation_id="workspaces_update",
        summary="Change a workspace",
        tags=["workspaces"],
        request=WorkspacePatch,
        responses={200: WorkspaceOut, **errors(400, 403, 404)},
    )
    def patch(self, request: Request, workspace: str) -> Response:
        room = self.place(workspace=workspace)
        changed = services.update_workspace(workspace=room, **checked(WorkspacePatch, request.data))
        return Response(WorkspaceOut(changed).data)

    @extend_schema(
        operation_id="workspaces_delete",
        summary="Remove a workspace with everything in it",
        description="The header `Deletion-Receipt` is the address of the receipt.",
        tags=["workspaces"],
        responses={204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, workspace: str) -> Response:
        room = self.place(workspace=workspace)
        reauth.require(request)
        return removed(services.delete_workspace(workspace=room))


class MembersView(ApiView):
    def place(self, *, workspace: str) -> Workspace:
        room = workspace_named(workspace)
        current_scope().require(Permission.MEMBER_MANAGE, room.pk)
        return room

    @extend_schema(
        operation_id="members_list",
        summary="Members of a workspace",
        tags=["members"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(MemberOut, "MemberPage"), **errors(403, 404)},
    )
    def get(self, request: Request, workspace: str) -> Response:
        room = self.place(workspace=workspace)
        rows = Member.objects.filter(workspace=room).select_related("user", "group", "custom")
        return page(request, rows, MemberOut)

    @extend_schema(
        operation_id="members_add",
        summary="Give a person or a group a role",
        tags=["members"],
        parameters=[IDEMPOTENCY_KEY],
        request=MemberIn,
        responses={201: MemberOut, **errors(400, 403, 404, 409)},
        examples=[
            OpenApiExample("A viewer", value={"user": "bob@example.com", "role": "viewer"}),
        ],
    )
    @idempotent
    def post(self, request: Request, workspace: str) -> Response:
        room = self.place(workspace=workspace)
        wanted = checked(MemberIn, request.data)
        member = services.add_member(workspace=room, role=wanted["role"], **holder(wanted))
        return Response(MemberOut(member).data, status=201)


class MemberView(ApiView):
    def place(self, *, workspace: str, member: UUID) -> Member:
        room = workspace_named(workspace)
        current_scope().require(Permission.MEMBER_MANAGE, room.pk)
        return Member.objects.select_related("custom").get(workspace=room, pk=member)

    @extend_schema(
        operation_id="members_update",
        summary="Change a role",
        tags=["members"],
        request=RoleIn,
        responses={200: MemberOut, **errors(400, 403, 404, 409)},
    )
    def patch(self, request: Request, workspace: str, member: UUID) -> Response:
        found = self.place(workspace=workspace, member=member)
        role = checked(RoleIn, request.data)["role"]
        changed = services.change_role(member=found, role=role)
        return Response(MemberOut(changed).data)

    @extend_schema(
        operation_id="members_remove",
        summary="Take a role away",
        tags=["members"],
        responses={204: None, **errors(403, 404, 409)},
    )
    def delete(self, request: Request, workspace: str, member: UUID) -> Response:
        services.remove_member(member=self.place(workspace=workspace, member=member))
        return Response(status=204)


urlpatterns = [
    path("me", MeView.as_view(), name="me"),
    path("workspaces", WorkspacesView.as_view(), name="workspaces"),
    path("workspaces/<str:workspace>", WorkspaceView.as_view(), name="workspace"),
    path("workspaces/<str:workspace>/members", MembersView.as_view(), name="members"),
    path("workspaces/<str:workspace>/members/<uuid:member>", MemberView.as_view(), name="member"),
]
