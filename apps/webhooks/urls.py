"""Addresses of the pages of webhooks."""

from django.urls import path

from apps.webhooks import views

app_name = "webhooks"

_ONE = "administration/webhooks/<uuid:webhook>"

urlpatterns = [
    path("administration/webhooks", views.webhooks, name="webhooks"),
    path(_ONE, views.webhook, name="webhook"),
    path(f"{_ONE}/change", views.change, name="change"),
    path(f"{_ONE}/rotate", views.rotate, name="rotate"),
    path(f"{_ONE}/state", views.state, name="state"),
    path(f"{_ONE}/delete", views.delete, name="delete"),
    path(f"{_ONE}/deliveries/<uuid:delivery>/again", views.again, name="again"),
]
