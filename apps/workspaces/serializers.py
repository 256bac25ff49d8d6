"""Shapes of workspaces, members, collections and grants in the API."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.accounts.serializers import KeyOut, PersonOut
from apps.permissions.roles import Permission, Role
from apps.permissions.scope import current_scope
from apps.workspaces.models import (
    AnswerMode,
    Collection,
    CollectionGrant,
    CustomRole,
    Member,
    Workspace,
)
from apps.workspaces.roles.granting import role_named

# A manager is one of a workspace, never of a collection alone.
GRANT_ROLES = [
    (Role.VIEWER.value, Role.VIEWER.label),
    (Role.CONTRIBUTOR.value, Role.CONTRIBUTOR.label),
]
_PERMISSIONS = serializers.ListField(
    child=serializers.ChoiceField(choices=[permission.value for permission in Permission])
)
ROLE_HELP = "viewer, contributor, manager, or the name of a role of the installation's own."
ANSWER_LANGUAGES = [("", "of the question"), ("en", "English"), ("zh", "Chinese")]


class WorkspaceIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    slug = serializers.SlugField(
        max_length=60, required=False, default="", help_text="In addresses; from the name if empty."
    )
    mode = serializers.ChoiceField(choices=AnswerMode.choices, required=False)
    language = serializers.ChoiceField(
        choices=ANSWER_LANGUAGES, required=False, default="", help_text="Of answers."
    )
    prompt = serializers.CharField(
        max_length=4000, required=False, allow_blank=True, help_text="Added to every question."
    )


class WorkspacePatch(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, required=False)
    mode = serializers.ChoiceField(choices=AnswerMode.choices, required=False)
    language = serializers.ChoiceField(choices=ANSWER_LANGUAGES, required=False)
    prompt = serializers.CharField(max_length=4000, required=False, allow_blank=True)
    model = serializers.CharField(max_length=200, required=False, allow_blank=True)


class WorkspaceOut(serializers.ModelSerializer[Workspace]):
    permissions = serializers.SerializerMethodField(help_text="What you may do here.")
    owner = PersonOut(allow_null=True, help_text="Who looks after it; gives no right.")

    class Meta:
        model = Workspace
        fields = (
            "id",
            "slug",
            "name",
            "owner",
            "mode",
            "language",
            "prompt",
            "model",
            "permissions",
            "created_at",
            "updated_at",
        )

    @extend_schema_field(_PERMISSIONS)
    def get_permissions(self, workspace: Workspace) -> list[str]:
        return sorted(current_scope().workspaces.get(workspace.pk, frozenset()))


class HolderIn(serializers.Serializer[Any]):
    """Exactly one of ``user`` (e-mail or id) and ``group`` (name or id)."""

    user = serializers.CharField(required=False, help_text="E-mail address or id of a person.")
    group = serializers.CharField(required=False, help_text="Name or id of a group.")

    def validate(self, attrs: Any) -> Any:
        if ("user" in attrs) == ("group" in attrs):
            raise serializers.ValidationError(_("Give exactly one of user and group."))
        return attrs


class _GroupOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


@extend_schema_field({"type": "string", "maxLength": 60})
class RoleField(serializers.Field[Any, Any, Any, Any]):
    """``viewer``, ``contributor``, ``manager``, or the name or id of one of the installation's own
    roles."""

    def to_internal_value(self, data: Any) -> Any:
        role = role_named(data) if isinstance(data, str) and "\x00" not in data else None
        if role is None:
            raise serializers.ValidationError(_("There is no role of this name."))
        return role

    def to_representation(self, value: Any) -> str:
        return value.name if isinstance(value, CustomRole) else str(Role(value).value)


class MemberIn(HolderIn):
    role = RoleField(required=False, default=Role.VIEWER, help_text=ROLE_HELP)


class RoleIn(serializers.Serializer[Any]):
    role = RoleField(help_text=ROLE_HELP)


class MemberOut(serializers.ModelSerializer[Member]):
    user = PersonOut(allow_null=True)
    group = _GroupOut(allow_null=True)
    role = RoleField(source="held_role", help_text=ROLE_HELP)
    origin = serializers.CharField(
        read_only=True,
        help_text="Empty: given by hand. Else the outside source that gives it, as `ldap:main`.",
    )

    class Meta:
        model = Member
        fields = ("id", "user", "group", "role", "origin", "created_at")


class CollectionIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(
        max_length=500, required=False, allow_blank=True, default=""
    )
    is_open = serializers.BooleanField(
        default=True, help_text="Every member of the workspace reads it. False: only by grant."
    )
    is_listed = serializers.BooleanField(
        default=True, help_text="Members who cannot open it still see its name."
    )


class CollectionPatch(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    is_open = serializers.BooleanField(required=False)
    is_listed = serializers.BooleanField(required=False)


class CollectionOut(serializers.ModelSerializer[Collection]):
    workspace = serializers.UUIDField(source="workspace_id")
    may_write = serializers.SerializerMethodField(help_text="You may add documents here.")

    class Meta:
        model = Collection
        fields = (
            "id",
            "workspace",
            "name",
            "description",
            "is_open",
            "is_listed",
            "may_write",
            "created_at",
            "updated_at",
        )

    def get_may_write(self, collection: Collection) -> bool:
        return current_scope().may_write(collection.pk)


class GrantIn(HolderIn):
    role = serializers.ChoiceField(
        choices=GRANT_ROLES,
        default=Role.VIEWER,
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class GrantOut(serializers.ModelSerializer[CollectionGrant]):
    user = PersonOut(allow_null=True)
    group = _GroupOut(allow_null=True)

    class Meta:
        model = CollectionGrant
        fields = ("id", "user", "group", "role", "expires_at", "created_at")


class _MyWorkspace(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    permissions = _PERMISSIONS


class MeOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    login = serializers.CharField(help_text="Empty: the e-mail address alone signs in.")
    language = serializers.CharField(help_text="Empty: what the browser asks for.")
    theme = serializers.CharField()
    is_administrator = serializers.BooleanField()
    permissions = serializers.ListField(
        child=serializers.ChoiceField(choices=[permission.value for permission in Permission]),
        help_text="What you may do in the installation as a whole.",
    )
    workspaces = _MyWorkspace(many=True)
    key = KeyOut(allow_null=True, help_text="The personal key that asks, if one does.")
    acting = serializers.DictField(
        child=serializers.CharField(),
        help_text="Through what you came: `key`, `application`, `on_behalf_of`; empty in a browser.",
    )
