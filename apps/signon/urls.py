"""Addresses of single sign-on: for browsers, and for providers."""

from django.urls import path

from apps.signon import views

app_name = "signon"

urlpatterns = [
    path("sign-on/<slug:provider>", views.begin, name="begin"),
    path("sign-on/<slug:provider>/callback", views.callback, name="callback"),
    path("sign-on/<slug:provider>/metadata", views.metadata, name="metadata"),
    path("sign-on/<slug:provider>/ended", views.ended, name="ended"),
    path("me/sign-on/<slug:provider>/connect", views.connect, name="connect"),
    path("me/sign-on/<slug:provider>/disconnect", views.disconnect, name="disconnect"),
]
