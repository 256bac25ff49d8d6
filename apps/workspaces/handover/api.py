"""Handing over what somebody looks after, for programs: GET says what would happen, POST does it."""

from typing import Any
from uuid import UUID

from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import queries, reauth
from apps.accounts.api import owner_of, require_whole_owner
from apps.accounts.models import User
from apps.accounts.serializers import PersonOut
from apps.core.drf import IDEMPOTENCY_KEY, ApiView, checked, errors
from apps.core.idempotency import idempotent
from apps.permissions.views import AdministrationView
from apps.workspaces.api import workspace_named
from apps.workspaces.handover import services
from apps.workspaces.handover.forms import person
from apps.workspaces.handover.kinds import Field, Giver
from apps.workspaces.handover.planning import ALL, Line, plan

TAGS = ["hand-over"]
_TO = OpenApiParameter("to", str, description="Who would get it: e-mail, login name or id.")
_ROLES = OpenApiParameter("gives_roles", bool, description="With the roles that it takes.")
_FROM = OpenApiParameter(
    "from", str, description="Whose: e-mail, login name or id. Left out: what nobody looks after."
)
_KEYS = "`key`s of lines; left out: all that can go over."


class HandOverIn(serializers.Serializer[Any]):
    to = serializers.CharField(max_length=254, help_text="E-mail address, login name or id.")
    gives_roles = serializers.BooleanField(
        default=False, help_text="Give them the roles in workspaces that it takes."
    )
    only = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=10_000,
        help_text=_KEYS,
    )


class HandOverLineOut(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="What `only` names it by.")
    kind = serializers.CharField()
    name = serializers.CharField(
        allow_blank=True, help_text="Empty for what you may not see by name."
    )
    count = serializers.IntegerField()
    workspace = serializers.UUIDField(
        source="workspace_id", allow_null=True, help_text="null: it belongs to the installation."
    )
    stays = serializers.SerializerMethodField(
        help_text="Why it would not go over, as a sentence; empty: it would."
    )
    role = serializers.CharField(allow_null=True, help_text="Role in the workspace given along.")

    def get_stays(self, line: Line) -> str:
        return "" if line.lack is None else str(line.lack.sentence)


class HandOverPlanOut(serializers.Serializer[Any]):
    giver = PersonOut(allow_null=True)
    heir = PersonOut(allow_null=True)
    lines = HandOverLineOut(many=True)


class HandOverDoneOut(serializers.Serializer[Any]):
    moved = serializers.DictField(
        child=serializers.IntegerField(), help_text="Kind → how many went over."
    )
    staying = HandOverLineOut(many=True)


_SHOW: dict[str, Any] = {
    "tags": TAGS,
    "responses": {200: HandOverPlanOut, **errors(400, 403, 404)},
}
_DO: dict[str, Any] = {
    "tags": TAGS,
    "request": HandOverIn,
    "responses": {200: HandOverDoneOut, **errors(400, 403, 404, 409)},
    "examples": [
        OpenApiExample(
            "To a colleague",
            value={"to": "bob@example.com", "gives_roles": True},
            request_only=True,
        )
    ],
}
_DESCRIPTION = (
    "What the heir could not look after stays where it is. In one transaction; sent twice at once, "
    "it happens once."
)


def _named(name: str, field: str) -> User:
    found = person(name)
    if found is None:
        raise _unknown(field)
    return found


def _unknown(field: str) -> ValidationError:
    return ValidationError({field: [_("Nobody here has this address or login name.")]})


def _shown(request: Request, giver: Giver, place: Field) -> Response:
    said = request.query_params
    heir = _named(said["to"], "to") if said.get("to") else None
    if heir is not None and not heir.is_active:
        raise _unknown("to")
    if heir is not None and not plan(giver=giver, heir=None, place=place).lines:
        heir = None  # who has nothing to give learns of nobody
    gives_roles = serializers.BooleanField().run_validation(said.get("gives_roles", "false"))
    made = plan(giver=giver, heir=heir, place=place, gives_roles=gives_roles)
    found = {"giver": giver.user, "heir": heir, "lines": made.lines}
    return Response(HandOverPlanOut(found).data)


def _done(request: Request, giver: Giver, place: Field) -> Response:
    reauth.require(request)
    said = checked(HandOverIn, request.data)
    outcome = services.hand_over(
        giver=giver,
        heir=_named(said["to"], "to"),
        place=place,
        gives_roles=said["gives_roles"],
        only=frozenset(said["only"]) if "only" in said else ALL,
    )
    return Response(HandOverDoneOut(outcome).data)


class PersonHandOverView(AdministrationView):
    def place(self, *, user: UUID) -> User:
        return queries.people().get(pk=user)

    @extend_schema(
        operation_id="people_hand_over_show",
        summary="What a person looks after, and what of it would go over",
        parameters=[_TO, _ROLES],
        **_SHOW,
    )
    def get(self, request: Request, user: UUID) -> Response:
        return _shown(request, Giver(self.place(user=user)), services.everywhere())

    @extend_schema(
        operation_id="people_hand_over",
        summary="Hand over what a person looks after",
        description=_DESCRIPTION,
        parameters=[IDEMPOTENCY_KEY],
        **_DO,
    )
    @idempotent
    def post(self, request: Request, user: UUID) -> Response:
        return _done(request, Giver(self.place(user=user)), services.everywhere())


class OwnerlessView(AdministrationView):
    @extend_schema(
        operation_id="without_owner_show",
        summary="What nobody looks after any more, and what of it would go over",
        parameters=[_TO, _ROLES],
        **_SHOW,
    )
    def get(self, request: Request) -> Response:
        return _shown(request, Giver(None), services.everywhere())

    @extend_schema(
        operation_id="without_owner_hand_over",
        summary="Hand over what nobody looks after any more",
        description=_DESCRIPTION,
        parameters=[IDEMPOTENCY_KEY],
        **_DO,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        return _done(request, Giver(None), services.everywhere())


class WorkspaceHandOverView(ApiView):
    def place(self, *, workspace: str) -> Field:
        return services.within(workspace_named(workspace))

    def giver(self, request: Request) -> Giver:
        name = request.query_params.get("from", "")
        return Giver(_named(name, "from") if name else None)

    @extend_schema(
        operation_id="workspaces_hand_over_show",
        summary="What somebody looks after in a workspace, and what of it would go over",
        description="For whoever manages the workspace and its members.",
        parameters=[_FROM, _TO, _ROLES],
        **_SHOW,
    )
    def get(self, request: Request, workspace: str) -> Response:
        place = self.place(workspace=workspace)
        return _shown(request, self.giver(request), place)

    @extend_schema(
        operation_id="workspaces_hand_over",
        summary="Hand over what somebody looks after in a workspace",
        description=_DESCRIPTION,
        parameters=[_FROM, IDEMPOTENCY_KEY],
        **_DO,
    )
    @idempotent
    def post(self, request: Request, workspace: str) -> Response:
        place = self.place(workspace=workspace)
        return _done(request, self.giver(request), place)


class MyHandOverView(ApiView):
    def me(self, request: Request) -> Giver:
        """By oneself, or by a key that may do everything one may."""
        require_whole_owner(request)
        return Giver(owner_of(request))

    @extend_schema(
        operation_id="me_hand_over_show",
        summary="What you look after, and what of it would go over",
        parameters=[_TO, _ROLES],
        **_SHOW,
    )
    def get(self, request: Request) -> Response:
        return _shown(request, self.me(request), services.of_oneself())

    @extend_schema(
        operation_id="me_hand_over",
        summary="Hand over what you look after",
        description=_DESCRIPTION,
        parameters=[IDEMPOTENCY_KEY],
        **_DO,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        return _done(request, self.me(request), services.of_oneself())


urlpatterns = [
    path("me/hand-over", MyHandOverView.as_view(), name="hand-over-mine"),
    path(
        "workspaces/<str:workspace>/hand-over",
        WorkspaceHandOverView.as_view(),
        name="hand-over-workspace",
    ),
    path(
        "administration/people/<uuid:user>/hand-over",
        PersonHandOverView.as_view(),
        name="hand-over-person",
    ),
    path("administration/without-owner", OwnerlessView.as_view(), name="without-owner"),
]
