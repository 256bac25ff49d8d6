"""Groups of the installation, who is in them, and groups in groups; for programs of an administrator."""

from uuid import UUID

from django.db import transaction
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import groups, nesting, queries, reauth
from apps.accounts.models import Group, User
from apps.accounts.serializers import (
    GroupIn,
    GroupMemberOut,
    GroupOut,
    GroupPatch,
    WhoIn,
)
from apps.core.drf import CURSOR, IDEMPOTENCY_KEY, LIMIT, checked, errors, page, page_of
from apps.core.idempotency import idempotent
from apps.permissions.views import AdministrationView

_GROUPS = page_of(GroupOut, "GroupPage")


class GroupsView(AdministrationView):
    @extend_schema(
        operation_id="groups_list",
        summary="Groups of this installation",
        tags=["groups"],
        parameters=[CURSOR, LIMIT, OpenApiParameter("q", str, description="In their name.")],
        responses={200: _GROUPS, **errors(400, 403)},
    )
    def get(self, request: Request) -> Response:
        named = request.query_params.get("q", "")
        return page(request, Group.objects.filter(name__icontains=named), GroupOut)

    @extend_schema(
        operation_id="groups_create",
        summary="Make a group",
        tags=["groups"],
        parameters=[IDEMPOTENCY_KEY],
        request=GroupIn,
        responses={201: GroupOut, **errors(400, 403, 409)},
        examples=[OpenApiExample("Buyers", value={"name": "Buyers"}, request_only=True)],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        group = groups.create_group(**checked(GroupIn, request.data))
        return Response(GroupOut(group).data, status=201)


class GroupView(AdministrationView):
    def place(self, *, group: UUID) -> Group:
        return Group.objects.get(pk=group)

    @extend_schema(
        operation_id="groups_get",
        summary="One group",
        tags=["groups"],
        responses={200: GroupOut, **errors(403, 404)},
    )
    def get(self, request: Request, group: UUID) -> Response:
        return Response(GroupOut(self.place(group=group)).data)

    @extend_schema(
        operation_id="groups_update",
        summary="Rename a group, or have its members need a second factor",
        tags=["groups"],
        request=GroupPatch,
        responses={200: GroupOut, **errors(400, 403, 404, 409)},
    )
    def patch(self, request: Request, group: UUID) -> Response:
        found = self.place(group=group)
        wanted = checked(GroupPatch, request.data)
        if "needs_second_factor" in wanted:
            reauth.require(request)
        with transaction.atomic():
            if "name" in wanted:
                groups.rename_group(group=found, name=wanted["name"])
            if "needs_second_factor" in wanted:
                groups.need_second_factor(group=found, is_needed=wanted["needs_second_factor"])
        return Response(GroupOut(found).data)

    @extend_schema(
        operation_id="groups_delete",
        summary="Delete a group",
        description="Every role and grant that it held ends with it.",
        tags=["groups"],
        responses={204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, group: UUID) -> Response:
        found = self.place(group=group)
        reauth.require(request)
        groups.delete_group(group=found)
        return Response(status=204)


class GroupMembersView(AdministrationView):
    def place(self, *, group: UUID) -> Group:
        return Group.objects.get(pk=group)

    @extend_schema(
        operation_id="group_members_list",
        summary="Who is in a group",
        description="Themselves; not through a group inside of it.",
        tags=["groups"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(GroupMemberOut, "GroupMemberPage"), **errors(400, 403, 404)},
    )
    def get(self, request: Request, group: UUID) -> Response:
        return page(request, queries.members_of(self.place(group=group)), GroupMemberOut)

    @extend_schema(
        operation_id="group_members_add",
        summary="Put a person into a group",
        description="Whoever is in it already stays.",
        tags=["groups"],
        parameters=[IDEMPOTENCY_KEY],
        request=WhoIn,
        responses={201: GroupMemberOut, **errors(400, 403, 404)},
    )
    @idempotent
    def post(self, request: Request, group: UUID) -> Response:
        found = self.place(group=group)
        user = queries.person(checked(WhoIn, request.data)["who"])
        if user is None or user.is_application:
            raise ValidationError({"who": [_("Nobody here has this address or login name.")]})
        groups.add_to_group(group=found, users=[user])
        return Response(GroupMemberOut(queries.members_of(found).get(pk=user.pk)).data, status=201)


class GroupMemberView(GroupMembersView):
    http_method_names = ["delete", "options"]
    takes_conditions = False

    @extend_schema(
        operation_id="group_members_remove",
        summary="Take a person out of a group",
        description="409 with reason `from_outside` where a directory alone put them there.",
        tags=["groups"],
        responses={204: None, **errors(403, 404, 409)},
    )
    def delete(self, request: Request, group: UUID, user: UUID) -> Response:
        person = User.objects.get(pk=user)
        groups.remove_from_group(group=self.place(group=group), user=person)
        return Response(status=204)


class InnerGroupsView(AdministrationView):
    def place(self, *, group: UUID) -> Group:
        return Group.objects.get(pk=group)

    @extend_schema(
        operation_id="inner_groups_list",
        summary="Groups inside of a group",
        description="Whoever is in one of them is in this one too.",
        tags=["groups"],
        parameters=[CURSOR, LIMIT],
        responses={200: _GROUPS, **errors(400, 403, 404)},
    )
    def get(self, request: Request, group: UUID) -> Response:
        inner = Group.objects.filter(outer_nestings__outer=self.place(group=group))
        return page(request, inner, GroupOut)


class InnerGroupView(AdministrationView):
    def place(self, *, group: UUID, inner: UUID) -> tuple[Group, Group]:
        return Group.objects.get(pk=group), Group.objects.get(pk=inner)

    @extend_schema(
        operation_id="inner_groups_add",
        summary="Put a group into a group",
        description="409 with reason `circle` or `too_deep` where that cannot be.",
        tags=["groups"],
        request=None,
        responses={204: None, **errors(403, 404, 409)},
    )
    def put(self, request: Request, group: UUID, inner: UUID) -> Response:
        outer, found = self.place(group=group, inner=inner)
        nesting.nest(outer=outer, inner=found)
        return Response(status=204)

    @extend_schema(
        operation_id="inner_groups_remove",
        summary="Take a group out of a group",
        tags=["groups"],
        responses={204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, group: UUID, inner: UUID) -> Response:
        outer, found = self.place(group=group, inner=inner)
        nesting.take_out(outer=outer, inner=found)
        return Response(status=204)


_GROUP = "administration/groups/<uuid:group>"

urlpatterns = [
    path("administration/groups", GroupsView.as_view(), name="groups"),
    path(_GROUP, GroupView.as_view(), name="group"),
    path(f"{_GROUP}/members", GroupMembersView.as_view(), name="group-members"),
    path(f"{_GROUP}/members/<uuid:user>", GroupMemberView.as_view(), name="group-member"),
    path(f"{_GROUP}/groups", InnerGroupsView.as_view(), name="inner-groups"),
    path(f"{_GROUP}/groups/<uuid:inner>", InnerGroupView.as_view(), name="inner-group"),
]
