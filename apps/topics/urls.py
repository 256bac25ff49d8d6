"""Addresses of topics."""

from django.urls import path

from apps.topics import views

app_name = "topics"

_BASE = "administration/topics"

urlpatterns = [
    path(_BASE, views.topics, name="topics"),
    path(f"{_BASE}/try", views.tried, name="try"),
    path(f"{_BASE}/new", views.topic, name="topic-new"),
    path(f"{_BASE}/<uuid:topic>", views.topic, name="topic"),
    path(f"{_BASE}/<uuid:topic>/delete", views.delete_topic, name="topic-delete"),
    path(f"{_BASE}/rules/new", views.rule, name="rule-new"),
    path(f"{_BASE}/rules/<uuid:topic_rule>", views.rule, name="rule"),
    path(f"{_BASE}/rules/<uuid:topic_rule>/delete", views.delete_rule, name="rule-delete"),
]
