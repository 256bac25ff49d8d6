"""Addresses of the administration."""

from django.urls import path

from apps.accounts import administration, group_pages

app_name = "administration"

urlpatterns = [
    path("people", administration.people, name="people"),
    path("people/add", administration.add, name="people-add"),
    path("people/<uuid:user>/reset", administration.reset, name="person-reset"),
    path("people/<uuid:user>/sign-out", administration.sign_out, name="person-sign-out"),
    path("people/<uuid:user>/deactivate", administration.deactivate, name="person-deactivate"),
    path("people/<uuid:user>/reactivate", administration.reactivate, name="person-reactivate"),
    path(
        "people/<uuid:user>/administrator",
        administration.administrator,
        name="person-administrator",
    ),
    path("people/<uuid:user>/unlock", administration.unlock, name="person-unlock"),
    path("people/<uuid:user>/factor", administration.factor, name="person-factor"),
    path("groups", group_pages.groups, name="groups"),
    path("groups/<uuid:group>", group_pages.group, name="group"),
    path("groups/<uuid:group>/rename", group_pages.rename, name="group-rename"),
    path("groups/<uuid:group>/delete", group_pages.delete, name="group-delete"),
    path("groups/<uuid:group>/factor", group_pages.factor, name="group-factor"),
    path("groups/<uuid:group>/members", group_pages.add, name="group-add"),
    path("groups/<uuid:group>/members/<uuid:user>/remove", group_pages.remove, name="group-remove"),
    path("groups/<uuid:group>/groups", group_pages.nest, name="group-nest"),
    path(
        "groups/<uuid:group>/groups/<uuid:inner>/remove",
        group_pages.take_out,
        name="group-take-out",
    ),
    path("system", group_pages.system, name="system"),
]
