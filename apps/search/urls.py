"""Addresses of the search test."""

from django.urls import path

from apps.search import views

app_name = "search"

urlpatterns = [path("w/<slug:slug>/search", views.test, name="test")]
