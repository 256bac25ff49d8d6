"""Addresses of the administration of provisioning."""

from django.urls import path

from apps.scim import administration

app_name = "provisioning"
_ONE = "provisioning/<uuid:provisioning>"

urlpatterns = [
    path("provisioning", administration.sources, name="sources"),
    path(_ONE, administration.source, name="source"),
    path(f"{_ONE}/change", administration.change, name="change"),
    path(f"{_ONE}/connect", administration.connect, name="connect"),
    path(f"{_ONE}/delete", administration.delete, name="delete"),
    path(f"{_ONE}/tokens", administration.add_token, name="token-add"),
    path(
        f"{_ONE}/tokens/<uuid:scim_token>/revoke", administration.revoke_token, name="token-revoke"
    ),
]
