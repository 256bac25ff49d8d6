"""Shapes of directories, rules and runs in the API."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.accounts.models import Group
from apps.directory.models import Directory, DirectoryRun, IdentitySource, MappingRule
from apps.permissions.roles import Role
from apps.workspaces.models import Workspace


class IdentitySourceOut(serializers.ModelSerializer[IdentitySource]):
    kind = serializers.CharField(help_text="ldap, oidc, saml, cas, proxy or scim.")
    origin = serializers.CharField(
        read_only=True, help_text="What memberships and roles say of where they come from."
    )

    class Meta:
        model = IdentitySource
        fields = ("id", "kind", "name", "origin", "created_at")


class DirectoryOut(serializers.ModelSerializer[Directory]):
    preset = serializers.CharField(help_text="ldap, or ad for Active Directory.")
    name = serializers.CharField(source="source.name", read_only=True)
    identity_source = serializers.UUIDField(source="source_id", read_only=True)
    addresses = serializers.SerializerMethodField(help_text="Tried in this order.")
    has_password = serializers.SerializerMethodField(help_text="The password is never shown.")

    class Meta:
        model = Directory
        fields = (
            "id",
            "name",
            "identity_source",
            "preset",
            "is_on",
            "addresses",
            "is_start_tls",
            "bind_dn",
            "has_password",
            "user_bases",
            "group_bases",
            "key_attribute",
            "prepares",
            "every_minutes",
            "next_run_at",
        )

    def get_addresses(self, row: Directory) -> list[str]:
        return row.addresses.split()

    def get_has_password(self, row: Directory) -> bool:
        return bool(row.secret)


class MappingRuleIn(serializers.Serializer[Any]):
    outside = serializers.CharField(
        max_length=500, help_text="DN of a group or unit, a name, or `*` for everybody."
    )
    group = serializers.PrimaryKeyRelatedField(queryset=Group.objects.all(), required=False)
    workspace = serializers.UUIDField(required=False, help_text="With `role`.")
    role = serializers.ChoiceField(choices=Role.choices, required=False, default="")
    is_administrator = serializers.BooleanField(required=False, default=False)

    def validate_workspace(self, value: Any) -> Workspace:
        found = Workspace.objects.filter(pk=value).first()
        if found is None:
            raise serializers.ValidationError(_("There is no such workspace."))
        return found


class MappingRuleOut(serializers.ModelSerializer[MappingRule]):
    role = serializers.CharField(help_text="Empty unless it gives one in a workspace.")
    workspace = serializers.UUIDField(source="workspace_id", allow_null=True)

    class Meta:
        model = MappingRule
        fields = ("id", "outside", "group", "workspace", "role", "is_administrator", "created_at")


class DirectoryRunIn(serializers.Serializer[Any]):
    is_dry = serializers.BooleanField(default=True, help_text="Only says what would change.")
    may_remove = serializers.IntegerField(
        default=0, min_value=0, help_text="People who may lose something, as a run asked about."
    )


class DirectoryLineOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    who = serializers.CharField()
    gained = serializers.ListField(child=serializers.CharField())
    lost = serializers.ListField(child=serializers.CharField())
    key = serializers.CharField(allow_blank=True)


class DirectoryRunOut(serializers.ModelSerializer[DirectoryRun]):
    state = serializers.CharField(help_text="queued, running, done, asking or failed.")
    counts = serializers.DictField(child=serializers.IntegerField())
    lines = DirectoryLineOut(many=True, help_text="The first 500.")

    class Meta:
        model = DirectoryRun
        fields = (
            "id",
            "state",
            "is_dry",
            "seen",
            "counts",
            "lines",
            "to_remove",
            "error_code",
            "created_at",
            "finished_at",
        )
