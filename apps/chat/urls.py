"""Addresses of conversations: /c/ is one, /ask begins one."""

from django.urls import path

from apps.chat import views

app_name = "chat"

urlpatterns = [
    path("ask", views.new_anywhere, name="new-any"),
    path("w/<slug:slug>/ask", views.new, name="new"),
    path("c/<uuid:conversation>", views.conversation, name="conversation"),
    path("c/<uuid:conversation>/rename", views.rename, name="rename"),
    path("c/<uuid:conversation>/delete", views.delete, name="delete"),
    path("turns/<uuid:turn>/rate", views.rate, name="rate"),
    path("find", views.find, name="find"),
]
