"""Shapes of accounts in the API."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.accounts.models import ApiKey, BrowserSession, Group, User
from apps.accounts.sessions.device import name_of
from apps.permissions.roles import KeyScope


class PersonOut(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("id", "email", "name")


# --- people and groups, for administrators ---------------------------------------------------------
class AccountOut(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = (
            "id",
            "email",
            "name",
            "login",
            "is_active",
            "is_administrator",
            "created_at",
        )


class AccountIn(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    name = serializers.CharField(max_length=150, required=False, allow_blank=True, default="")


class AccountPatch(serializers.Serializer[Any]):
    is_active = serializers.BooleanField(
        required=False, help_text="false: sessions, sockets and keys of this person end at once."
    )
    is_administrator = serializers.BooleanField(
        required=False, help_text="One administrator always stays."
    )


class LinkIn(serializers.Serializer[Any]):
    gives = serializers.ChoiceField(
        choices=["password", "second_factor"],
        default="password",
        help_text="What one chooses anew with it.",
    )


class LinkOut(serializers.Serializer[Any]):
    link = serializers.CharField(help_text="Works once. It is shown this once.")


class NewAccountOut(AccountOut):
    link = serializers.CharField(
        help_text="With it the person chooses a password. It works once, and is shown this once."
    )

    class Meta(AccountOut.Meta):
        fields = (*AccountOut.Meta.fields, "link")  # type: ignore[assignment]


class GroupOut(serializers.ModelSerializer[Group]):
    class Meta:
        model = Group
        fields = ("id", "name", "needs_second_factor", "created_at")


class GroupIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=150)


class GroupPatch(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=150, required=False)
    needs_second_factor = serializers.BooleanField(
        required=False, help_text="Members without one set it up before anything else."
    )


class WhoIn(serializers.Serializer[Any]):
    who = serializers.CharField(max_length=254, help_text="E-mail address or login name.")


class GroupMemberOut(PersonOut):
    is_by_hand = serializers.BooleanField(
        help_text="false: an outside source alone put them there, and would do so again."
    )

    class Meta(PersonOut.Meta):
        fields = (*PersonOut.Meta.fields, "is_by_hand")  # type: ignore[assignment]


# --- oneself --------------------------------------------------------------------------------------
class MePatch(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=150, required=False)
    login = serializers.RegexField(
        r"^[^\s@]*$", max_length=150, required=False, allow_blank=True, help_text="To sign in with."
    )
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)
    theme = serializers.ChoiceField(
        choices=["", "light", "dark"], required=False, help_text="Empty: as the machine has it."
    )


class SessionOut(serializers.ModelSerializer[BrowserSession]):
    id = serializers.UUIDField(source="handle")
    device = serializers.SerializerMethodField(help_text="Browser and system, as it says itself.")

    class Meta:
        model = BrowserSession
        fields = ("id", "device", "address", "created_at", "last_used_at")

    def get_device(self, row: BrowserSession) -> str:
        return name_of(row.agent)


class SessionsOut(serializers.Serializer[Any]):
    items = SessionOut(many=True)


class EndedOut(serializers.Serializer[Any]):
    ended = serializers.IntegerField()


# --- keys -----------------------------------------------------------------------------------------
class KeyIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, help_text="What the key is for.")
    scope = serializers.ChoiceField(
        choices=KeyScope.choices, default=KeyScope.ASK, help_text="Never more than you may do."
    )
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Null: until it is revoked."
    )

    def validate_expires_at(self, value: Any) -> Any:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError(_("This time has passed."))
        return value


class KeyOut(serializers.ModelSerializer[ApiKey]):
    class Meta:
        model = ApiKey
        fields = (
            "id",
            "name",
            "prefix",
            "scope",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        )


class NewKeyOut(KeyOut):
    key = serializers.CharField(help_text="The key itself. It is shown this once.")

    class Meta(KeyOut.Meta):
        fields = (*KeyOut.Meta.fields, "key")  # type: ignore[assignment]
