"""Addresses of the pages of applications."""

from django.urls import path

from apps.applications import views

app_name = "applications"

_ONE = "administration/applications/<uuid:application>"

urlpatterns = [
    path("administration/applications", views.applications, name="applications"),
    path(_ONE, views.application, name="application"),
    path(f"{_ONE}/change", views.change, name="change"),
    path(f"{_ONE}/state", views.state, name="state"),
    path(f"{_ONE}/keys", views.add_key, name="key-add"),
    path(f"{_ONE}/keys/<uuid:application_key>/rotate", views.rotate, name="key-rotate"),
    path(f"{_ONE}/keys/<uuid:application_key>/revoke", views.revoke, name="key-revoke"),
    path(f"{_ONE}/public-keys", views.add_public_key, name="public-key-add"),
    path(
        f"{_ONE}/public-keys/<uuid:public_key>/remove",
        views.remove_public_key,
        name="public-key-remove",
    ),
]
