"""Pages, the API and the OpenAPI schema."""

from django.urls import include, path

from apps.chat.short import ShortChatView
from apps.chat.views import home
from apps.core.api_pages import api_docs
from apps.core.views import health
from apps.dialects.mcp import mcp

urlpatterns = [
    path("", home, name="home"),
    path("", include("apps.accounts.urls")),
    path("administration/", include("apps.accounts.administration_urls")),
    path("", include("apps.signon.urls")),
    path("administration/", include("apps.signon.administration_urls")),
    path("administration/", include("apps.directory.urls")),
    path("administration/", include("apps.scim.administration_urls")),
    path("", include("apps.scim.urls")),
    path("", include("apps.workspaces.urls")),
    path("", include("apps.applications.urls")),
    path("", include("apps.topics.urls")),
    path("", include("apps.webhooks.urls")),
    path("", include("apps.events.urls")),
    path("", include("apps.documents.urls")),
    path("", include("apps.sources.urls")),
    path("", include("apps.intake.urls")),
    path("", include("apps.search.urls")),
    path("", include("apps.chat.urls")),
    path("", include("apps.engines.urls")),
    path("", include("apps.gateway.urls")),
    path("", include("apps.isolation.urls")),
    path("api/v1/health", health, name="health"),
    path("api/docs", api_docs, name="api-docs"),
    path("api/chat", ShortChatView.as_view(), name="chat-short"),
    path("api/v1/", include("kb_platform.api")),
    path("v1/", include("apps.dialects.api")),
    path("mcp", mcp, name="mcp"),
]

handler400 = "apps.core.views.bad_request"
handler403 = "apps.core.views.forbidden"
handler404 = "apps.core.views.not_found"
handler500 = "apps.core.views.server_error"
