"""Addresses of model servers and of the first run's model check."""

from django.urls import path

from apps.engines import views

app_name = "engines"

urlpatterns = [
    path("welcome", views.welcome, name="welcome"),
    path("administration/models", views.models, name="models"),
    path("administration/models/test", views.test, name="test"),
    path("administration/models/<uuid:endpoint>", views.endpoint, name="endpoint"),
    path("administration/models/<uuid:endpoint>/use", views.activate, name="endpoint-use"),
    path("administration/models/<uuid:endpoint>/delete", views.delete, name="endpoint-delete"),
]
