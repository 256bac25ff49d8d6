"""Addresses of SCIM, for the systems that tell of people."""

from django.urls import path

from apps.scim import views

app_name = "scim"

urlpatterns = [
    path("scim/v2", views.door, name="root"),
    path("scim/v2/<path:path>", views.door, name="door"),
]
