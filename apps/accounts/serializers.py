"""Shapes of accounts in the API."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.accounts.models import ApiKey, User
from apps.permissions.roles import KeyScope


class PersonOut(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("id", "email", "name")


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
