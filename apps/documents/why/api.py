"""The same answer for programs."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import ApiView, checked, errors
from apps.core.errors import AppError
from apps.documents.why.answers import WORDS, Answer, why
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.api import workspace_named
from apps.workspaces.models import Workspace
from apps.workspaces.rights.explain import EFFECTS


class WhyIn(serializers.Serializer[Any]):
    who = serializers.CharField(max_length=254)
    collection = serializers.UUIDField()
    document = serializers.UUIDField(required=False, allow_null=True, default=None)
    on_behalf_of = serializers.CharField(
        max_length=254, required=False, allow_blank=True, default=""
    )


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
    application = serializers.CharField(
        allow_null=True, help_text="The application, if one was asked about."
    )
    on_behalf_of = serializers.EmailField(allow_null=True, help_text="Whom it would ask for.")
    collection = serializers.UUIDField()
    document = serializers.UUIDField(allow_null=True)
    may_read = serializers.BooleanField()
    may_write = serializers.BooleanField()
    steps = RuleOut(many=True)


def _out(answer: Answer) -> dict[str, Any]:
    found, program = answer.explanation, answer.program
    person = program.person if program else None
    return {
        "user": answer.user.email,
        "key": answer.key.prefix if answer.key else None,
        "application": program.application.name if program else None,
        "on_behalf_of": person.email if person else None,
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
        "ends, the account, what a key is for; of an application its keys, scopes and own grants, and "
        "for whom it asks; and the rules about topics.",
        tags=["members"],
        parameters=[
            OpenApiParameter(
                "who",
                str,
                required=True,
                description="E-mail, login, name of an application, or how a key begins.",
            ),
            OpenApiParameter(
                "on_behalf_of", str, description="Whom an application asks for: e-mail or login."
            ),
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
                on_behalf_of=wanted["on_behalf_of"],
            )
        except AppError as error:
            says = str(WORDS.get(str(error.details.get("reason")), error.sentence))
            raise ValidationError({str(error.details.get("field", "who")): [says]}) from error
        return Response(WhyOut(_out(answer)).data)


urlpatterns = [path("workspaces/<str:workspace>/why", WhyView.as_view(), name="why")]
