"""Addresses of the administration of directories."""

from django.urls import path

from apps.directory import views

app_name = "directory"
_ONE = "directory/<uuid:directory>"
_RULES = "directory/mapping/<uuid:identity_source>"

urlpatterns = [
    path("directory", views.directories, name="directories"),
    path("directory/new", views.new, name="new"),
    path("directory/test", views.test, name="test"),
    path(_ONE, views.directory, name="directory"),
    path(f"{_ONE}/edit", views.edit, name="edit"),
    path(f"{_ONE}/delete", views.delete, name="delete"),
    path(f"{_ONE}/run", views.run, name="run"),
    path(f"{_ONE}/confirm", views.confirm, name="confirm"),
    path(f"{_ONE}/connect", views.connect, name="connect"),
    path(f"{_ONE}/tree", views.tree, name="tree"),
    path(_RULES, views.rules, name="rules"),
    path(f"{_RULES}/<uuid:rule>/remove", views.remove_rule, name="rule-remove"),
]
