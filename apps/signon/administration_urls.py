"""Addresses of the administration of single sign-on."""

from django.urls import path

from apps.signon import administration

app_name = "signon-administration"

urlpatterns = [
    path("sign-on", administration.providers, name="providers"),
    path("sign-on/new", administration.new, name="new"),
    path("sign-on/policy", administration.policy, name="policy"),
    path("sign-on/test", administration.test, name="test"),
    path("sign-on/providers/<slug:provider>", administration.provider, name="provider"),
    path("sign-on/providers/<slug:provider>/delete", administration.delete, name="delete"),
]
