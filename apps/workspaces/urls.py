"""Addresses of workspaces and the settings of their collections."""

from django.urls import path

from apps.workspaces import audit_pages, collection_pages, views
from apps.workspaces.access import pages as access_pages
from apps.workspaces.handover import pages as handover
from apps.workspaces.roles import pages as role_pages

app_name = "workspaces"

_COLLECTION = "w/<slug:slug>/collections/<uuid:collection>"
_ACCESS = "w/<slug:slug>/access/requests/<uuid:access>"

urlpatterns = [
    path("w/new", views.create, name="create"),
    path("w/<slug:slug>/", views.home, name="home"),
    path("w/<slug:slug>/members", views.members, name="members"),
    path("w/<slug:slug>/members/<uuid:member>/role", views.change_role, name="member-role"),
    path("w/<slug:slug>/members/<uuid:member>/remove", views.remove, name="member-remove"),
    path("w/<slug:slug>/settings", views.settings, name="settings"),
    path("w/<slug:slug>/delete", views.delete, name="delete"),
    path("w/<slug:slug>/collections/new", collection_pages.create, name="collection-create"),
    path(f"{_COLLECTION}/settings", collection_pages.settings, name="collection-settings"),
    path(f"{_COLLECTION}/delete", collection_pages.delete, name="collection-delete"),
    path(f"{_COLLECTION}/grants", collection_pages.grant, name="grant"),
    path(f"{_COLLECTION}/grants/<uuid:grant>/revoke", collection_pages.revoke, name="revoke"),
    path("w/<slug:slug>/audit", audit_pages.audit, name="audit"),
    path("w/<slug:slug>/audit.csv", audit_pages.export, name="audit-csv"),
    path("w/<slug:slug>/access", access_pages.page, name="access"),
    path("w/<slug:slug>/access/<uuid:collection>/ask", access_pages.ask, name="access-ask"),
    path(f"{_ACCESS}/withdraw", access_pages.withdraw, name="access-withdraw"),
    path(f"{_ACCESS}/approve", access_pages.approve, name="access-approve"),
    path(f"{_ACCESS}/refuse", access_pages.refuse, name="access-refuse"),
    path("w/<slug:slug>/hand-over", handover.of_workspace, name="hand-over"),
    path("me/hand-over", handover.of_mine, name="hand-over-mine"),
    path(
        "administration/people/<uuid:user>/hand-over",
        handover.of_person,
        name="hand-over-person",
    ),
    path("administration/without-owner", handover.without_owner, name="without-owner"),
    path("administration/roles", role_pages.roles, name="roles"),
    path("administration/roles/<uuid:role>", role_pages.role, name="role"),
    path("administration/roles/<uuid:role>/delete", role_pages.delete, name="role-delete"),
]
