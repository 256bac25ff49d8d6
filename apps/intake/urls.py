"""Addresses of what comes in."""

from django.urls import path

from apps.intake import views

app_name = "intake"

urlpatterns = [
    path("k/<uuid:collection>/upload", views.upload, name="upload"),
    path("k/<uuid:collection>/url", views.add_url, name="url"),
    path("k/<uuid:collection>/unpackings", views.unpackings, name="unpackings"),
    path("unpackings/<uuid:unpacking>/forget", views.forget, name="forget"),
]
