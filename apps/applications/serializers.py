"""Shapes of applications and their keys in the API."""

from typing import Any

from rest_framework import serializers

from apps.accounts.serializers import PersonOut
from apps.applications.models import Acts, Application, ApplicationKey, PublicKey, Reach
from apps.permissions.roles import ApplicationScope


def _texts(help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=200),
        max_length=100,
        required=False,
        help_text=help_text,
    )


class ApplicationIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    acts = serializers.ChoiceField(choices=Acts.choices, required=False)
    reach = serializers.ChoiceField(choices=Reach.choices, required=False)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=ApplicationScope.choices), required=False
    )
    networks = _texts("CIDR networks that its keys work from; none: from anywhere.")
    origins = _texts("Origins of web pages that may call with its keys; none: no browser may.")


class ApplicationChangeIn(ApplicationIn):
    name = serializers.CharField(max_length=100, required=False)
    is_active = serializers.BooleanField(required=False, help_text="false stops every key of it.")


class ApplicationOut(serializers.ModelSerializer[Application]):
    account = serializers.CharField(
        source="account.login", help_text="Holds its roles and grants: name it where one grants."
    )
    sandbox_account = serializers.CharField(source="sandbox_account.login")
    owner = PersonOut(allow_null=True, help_text="Who looks after it; gives no right.")

    class Meta:
        model = Application
        fields = (
            "id",
            "name",
            "description",
            "acts",
            "reach",
            "scopes",
            "networks",
            "origins",
            "account",
            "sandbox_account",
            "owner",
            "is_active",
            "created_at",
        )


class ApplicationKeyIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    is_sandbox = serializers.BooleanField(default=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    requests_per_minute = serializers.IntegerField(default=600, min_value=1, max_value=100_000)
    tokens_per_day = serializers.IntegerField(
        default=0, min_value=0, max_value=2_000_000_000, help_text="0: not limited."
    )


class ApplicationKeyOut(serializers.ModelSerializer[ApplicationKey]):
    class Meta:
        model = ApplicationKey
        fields = (
            "id",
            "name",
            "prefix",
            "is_sandbox",
            "requests_per_minute",
            "tokens_per_day",
            "created_at",
            "expires_at",
            "revoked_at",
            "last_used_at",
            "last_address",
        )


class NewApplicationKeyOut(ApplicationKeyOut):
    key = serializers.CharField(read_only=True, help_text="Shown this once.")

    class Meta(ApplicationKeyOut.Meta):
        fields = (*ApplicationKeyOut.Meta.fields, "key")  # type: ignore[assignment]


class PublicKeyIn(serializers.Serializer[Any]):
    text = serializers.CharField(
        max_length=65536, help_text="PEM, or a JWK or JWKS as text; no private key."
    )
    kid = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class PublicKeyOut(serializers.ModelSerializer[PublicKey]):
    jwk = serializers.DictField()

    class Meta:
        model = PublicKey
        fields = ("id", "kid", "algorithm", "jwk", "created_at")
