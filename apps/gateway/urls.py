"""Addresses of the gateway in the administration."""

from django.urls import path

from apps.gateway import views

app_name = "gateway"

urlpatterns = [
    path("administration/models/<uuid:endpoint>/live", views.live, name="live"),
]
