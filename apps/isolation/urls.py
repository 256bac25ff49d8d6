"""Addresses of the proof."""

from django.urls import path

from apps.isolation import pages

app_name = "isolation"

urlpatterns = [
    path("administration/isolation", pages.page, name="proof"),
    path("administration/isolation/begin", pages.begin, name="begin"),
    path("administration/isolation/report.md", pages.as_text, name="report"),
]
