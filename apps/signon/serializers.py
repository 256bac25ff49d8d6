"""Shapes of single sign-on in the API."""

from typing import Any

from rest_framework import serializers

from apps.signon.groups import origin_of
from apps.signon.kinds import KINDS
from apps.signon.models import SignOnProvider
from apps.signon.services import kind_of

_KINDS = ", ".join(KINDS)
KIND_NAMES = [(name, name) for name in KINDS]


class ProviderOut(serializers.ModelSerializer[SignOnProvider]):
    kind = serializers.CharField(help_text=_KINDS)
    origin = serializers.SerializerMethodField(help_text="Under which its groups are mapped.")
    settings = serializers.DictField(help_text="As the kind wants them, without secrets.")
    domains = serializers.ListField(child=serializers.CharField())
    addresses = serializers.SerializerMethodField(
        help_text="Ours, for whoever runs the provider: what each is, and where."
    )

    class Meta:
        model = SignOnProvider
        fields = (
            "slug",
            "kind",
            "name",
            "name_zh",
            "is_on",
            "creates_people",
            "confirms_emails",
            "domains",
            "settings",
            "origin",
            "addresses",
            "created_at",
            "updated_at",
        )

    def get_origin(self, row: SignOnProvider) -> str:
        return origin_of(row)

    def get_addresses(self, row: SignOnProvider) -> dict[str, str]:
        return {str(label): address for label, address in kind_of(row).copied()}


class ProviderValues(serializers.Serializer[Any]):
    """What can be set of a provider. What is left out stays."""

    name = serializers.CharField(max_length=80)
    name_zh = serializers.CharField(max_length=80, required=False, allow_blank=True)
    is_on = serializers.BooleanField(required=False)
    creates_people = serializers.BooleanField(required=False)
    confirms_emails = serializers.BooleanField(required=False)
    domains = serializers.ListField(
        child=serializers.CharField(max_length=253), max_length=50, required=False
    )
    settings = serializers.DictField(
        required=False,
        help_text="As the kind wants them. Secrets are taken and never shown; left out, they stay "
        "for the address that they were sent for.",
    )


class ProviderIn(ProviderValues):
    kind = serializers.ChoiceField(choices=KIND_NAMES)
    slug = serializers.RegexField(
        r"^[a-z0-9][a-z0-9-]*\Z", max_length=40, help_text="Part of its addresses. It stays."
    )


class ProviderTryIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=KIND_NAMES)
    provider = serializers.SlugField(
        required=False, help_text="Whose stored secrets count where they are left out."
    )
    settings = serializers.DictField()


class SignOnPolicyShape(serializers.Serializer[Any]):
    passwords_for_administrators_only = serializers.BooleanField()
