"""Addresses of sources."""

from django.urls import path

from apps.sources import views

app_name = "sources"

urlpatterns = [
    path("k/<uuid:collection>/sources", views.listing, name="list"),
    path("k/<uuid:collection>/sources/new", views.new, name="new"),
    path("k/<uuid:collection>/sources/test", views.test, name="test"),
    path("sources/<uuid:source>", views.source, name="source"),
    path("sources/<uuid:source>/edit", views.edit, name="edit"),
    path("sources/<uuid:source>/run", views.start, name="start"),
    path("sources/<uuid:source>/switch", views.switch, name="switch"),
    path("sources/<uuid:source>/confirm", views.confirm, name="confirm"),
    path("sources/<uuid:source>/delete", views.delete, name="delete"),
    path("sources/<uuid:source>/runs/<uuid:run>", views.run, name="run"),
]
