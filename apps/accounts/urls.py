"""Addresses of accounts."""

from django.urls import path

from apps.accounts import confirm_pages, key_pages, views
from apps.accounts.second_factor import lost_pages, pages, step_pages

app_name = "accounts"

urlpatterns = [
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("setup/<str:token>", views.setup, name="setup"),
    path("join/<str:token>", views.join, name="join"),
    path("me", views.profile, name="profile"),
    path("me/password", views.password, name="password"),
    path("sign-in/second-factor", step_pages.second_step, name="second-factor"),
    path("sign-in/passkey/options", step_pages.passkey_options, name="passkey-options"),
    path("sign-in/passkey", step_pages.passkey, name="passkey"),
    path("lost-factor/<str:token>", lost_pages.lost_factor, name="lost-factor"),
    path("me/security", pages.security, name="security"),
    path("me/security/app", pages.app, name="app"),
    path("me/security/app/remove", pages.app_remove, name="app-remove"),
    path("me/security/codes", pages.codes, name="codes"),
    path("me/passkeys/options", pages.passkey_new, name="passkey-new"),
    path("me/passkeys", pages.passkey_add, name="passkey-add"),
    path("me/passkeys/<uuid:passkey>/rename", pages.passkey_rename, name="passkey-rename"),
    path("me/passkeys/<uuid:passkey>/remove", pages.passkey_remove, name="passkey-remove"),
    path("me/sessions/end", pages.sessions_end, name="sessions-end"),
    path("me/sessions/<uuid:session>/end", pages.session_end, name="session-end"),
    path("me/confirm", confirm_pages.confirm, name="confirm"),
    path("me/language", views.language, name="language"),
    path("me/theme", views.theme, name="theme"),
    path("me/keys", key_pages.keys, name="keys"),
    path("me/keys/<uuid:key>/revoke", key_pages.revoke, name="key-revoke"),
]
