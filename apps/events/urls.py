"""Addresses of the audit page."""

from django.urls import path

from apps.events import views

app_name = "events"

urlpatterns = [
    path("administration/audit", views.audit, name="audit"),
    path("administration/audit.csv", views.export, name="export"),
]
