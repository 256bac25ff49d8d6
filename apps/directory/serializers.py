"""Shapes of directories, rules and runs in the API."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.accounts.models import Group
from apps.directory.models import Directory, DirectoryRun, IdentitySource, MappingRule
from apps.workspaces.models import Workspace
from apps.workspaces.serializers import ROLE_HELP, RoleField


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
    successor = serializers.SerializerMethodField(
        help_text="E-mail address of who gets the documents of leavers; empty: a manager."
    )

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
            "ca",
            "bind_dn",
            "has_password",
            "user_bases",
            "user_filter",
            "group_bases",
            "group_filter",
            "key_attribute",
            "login_attribute",
            "name_attribute",
            "mail_attribute",
            "timeout_s",
            "prepares",
            "every_minutes",
            "successor",
            "next_run_at",
        )

    def get_addresses(self, row: Directory) -> list[str]:
        return row.addresses.split()

    def get_successor(self, row: Directory) -> str:
        return row.successor.email if row.successor else ""

    def get_has_password(self, row: Directory) -> bool:
        return bool(row.secret)


_BASES = "DNs, one a line."


class DirectoryValues(serializers.Serializer[Any]):
    """What can be set of a directory. What is left out is the preset's, or stays."""

    addresses = serializers.ListField(
        child=serializers.CharField(max_length=300), max_length=20, help_text="Tried in this order."
    )
    is_start_tls = serializers.BooleanField(required=False)
    ca = serializers.CharField(
        required=False, allow_blank=True, max_length=100_000, help_text="PEM; empty: the system's."
    )
    bind_dn = serializers.CharField(required=False, allow_blank=True, max_length=500)
    password = serializers.CharField(
        required=False,
        write_only=True,
        max_length=1000,
        help_text="Of the service account. Sent again when it would go to another place.",
    )
    user_bases = serializers.CharField(max_length=10_000, help_text=_BASES)
    user_filter = serializers.CharField(required=False, max_length=1000)
    group_bases = serializers.CharField(
        required=False, allow_blank=True, max_length=10_000, help_text=_BASES
    )
    group_filter = serializers.CharField(required=False, max_length=1000)
    key_attribute = serializers.CharField(required=False, max_length=60)
    login_attribute = serializers.CharField(required=False, max_length=60)
    name_attribute = serializers.CharField(required=False, max_length=60)
    mail_attribute = serializers.CharField(required=False, max_length=60)
    timeout_s = serializers.IntegerField(required=False, min_value=1, max_value=60)
    prepares = serializers.BooleanField(required=False)
    every_minutes = serializers.IntegerField(required=False, min_value=0, max_value=100_000)
    successor = serializers.CharField(
        required=False, allow_blank=True, max_length=254, help_text="E-mail address."
    )
    is_on = serializers.BooleanField(required=False)


class DirectoryIn(DirectoryValues):
    name = serializers.SlugField(max_length=60, help_text="Never changes.")
    preset = serializers.ChoiceField(choices=Directory.Preset.choices, default="ldap")


class DirectoryTryIn(DirectoryValues):
    directory = serializers.UUIDField(
        required=False,
        help_text="Whose stored password and settings count where they are left out.",
    )
    preset = serializers.ChoiceField(choices=Directory.Preset.choices, default="ldap")


class DirectoryStepOut(serializers.Serializer[Any]):
    words = serializers.CharField()
    found = serializers.CharField(allow_blank=True)
    code = serializers.CharField(allow_blank=True, help_text="Empty: it passed.")


class DirectoryStepsOut(serializers.Serializer[Any]):
    steps = DirectoryStepOut(many=True)


class MappingRuleIn(serializers.Serializer[Any]):
    outside = serializers.CharField(
        max_length=500, help_text="DN of a group or unit, a name, or `*` for everybody."
    )
    group = serializers.PrimaryKeyRelatedField(queryset=Group.objects.all(), required=False)
    workspace = serializers.UUIDField(required=False, help_text="With `role`.")
    role = RoleField(required=False, help_text=ROLE_HELP)
    is_administrator = serializers.BooleanField(required=False, default=False)

    def validate_workspace(self, value: Any) -> Workspace:
        found = Workspace.objects.filter(pk=value).first()
        if found is None:
            raise serializers.ValidationError(_("There is no such workspace."))
        return found


class MappingRuleOut(serializers.ModelSerializer[MappingRule]):
    role = serializers.SerializerMethodField(
        help_text="`viewer`, `contributor`, `manager` or the name of one of the installation's own "
        "roles; empty unless it gives one in a workspace."
    )
    workspace = serializers.UUIDField(source="workspace_id", allow_null=True)

    class Meta:
        model = MappingRule
        fields = ("id", "outside", "group", "workspace", "role", "is_administrator", "created_at")

    def get_role(self, rule: MappingRule) -> str:
        return str(rule.custom or rule.role)


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
