"""The same answer for programs."""

from typing import Any

from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import ApiView, checked, errors
from apps.core.errors import AppError
from apps.documents.why.answers import Answer, why
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.api import workspace_named
from apps.workspaces.models import Workspace
from apps.workspaces.rights.explain import EFFECTS


class WhyIn(serializers.Serializer[Any]):
    who = serializers.CharField(max_length=254)
    collection = serializers.UUIDField()
    document = serializers.UUIDField(required=False, allow_null=True, default=None)


class RuleOut(serializers.Serializer[Any]):
    rule = serializers.CharField(help_text="A word that programs may rely on.")
    effect = serializers.ChoiceField(choices=EFFECTS)
    text = serializers.CharField(help_text="The rule in words.")
    through = serializers.ListField(
        child=serializers.CharField(),
        help_text="Groups, from the one that the person is in to the one that holds the rule.",
    )
    origin = serializers.CharField(
        help_text="The outside source that gave it, as `ldap:main`; empty: by hand."
    )


class WhyOut(serializers.Serializer[Any]):
    user = serializers.EmailField()
    key = serializers.CharField(allow_null=True, help_text="How the key begins, if one was asked.")
    collection = serializers.UUIDField()
    document = serializers.UUIDField(allow_null=True)
    may_read = serializers.BooleanField()
    may_write = serializers.BooleanField()
    steps = RuleOut(many=True)


def _out(answer: Answer) -> dict[str, Any]:
    found = answer.explanation
    return {
        "user": answer.user.email,
        "key": answer.key.prefix if answer.key else None,
        "collection": answer.collection.pk,
        "document": answer.document.pk if answer.document else None,
        "may_read": found.reads,
        "may_write": found.writes,
        "steps": found.steps,
    }


class WhyView(ApiView):
    def place(self, *, workspace: str) -> Workspace:
        room = workspace_named(workspace)
        current_scope().require(Permission.MEMBER_MANAGE, room.pk)
        return room

    @extend_schema(
        operation_id="why",
        summary="Why somebody can or cannot see a collection or a document",
        description="For those who manage the members of the workspace. The chain has every rule "
        "that decides: roles and the groups they come through, open and closed, grants and their "
        "ends, the account, and what a key is for.",
        tags=["members"],
        parameters=[
            OpenApiParameter("who", str, required=True, description="E-mail, login or key prefix."),
            OpenApiParameter("collection", str, required=True, description="Its id."),
            OpenApiParameter("document", str, description="Its id."),
        ],
        responses={200: WhyOut, **errors(400, 403, 404)},
    )
    def get(self, request: Request, workspace: str) -> Response:
        room = self.place(workspace=workspace)
        wanted = checked(WhyIn, request.query_params)
        try:
            answer = why(
                workspace=room,
                who=wanted["who"],
                collection_id=wanted["collection"],
                document_id=wanted["document"],
            )
        except AppError as error:
            says = _("Nobody here has this address, login name or key.")
            raise ValidationError({"who": [says]}) from error
        return Response(WhyOut(_out(answer)).data)


urlpatterns = [path("workspaces/<str:workspace>/why", WhyView.as_view(), name="why")]
