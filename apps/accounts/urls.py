"""Addresses of accounts."""

from django.urls import path

from apps.accounts import confirm_pages, key_pages, views

app_name = "accounts"

urlpatterns = [
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("setup/<str:token>", views.setup, name="setup"),
    path("join/<str:token>", views.join, name="join"),
    path("me", views.profile, name="profile"),
    path("me/password", views.password, name="password"),
    path("me/confirm", confirm_pages.confirm, name="confirm"),
    path("me/language", views.language, name="language"),
    path("me/theme", views.theme, name="theme"),
    path("me/keys", key_pages.keys, name="keys"),
    path("me/keys/<uuid:key>/revoke", key_pages.revoke, name="key-revoke"),
]
