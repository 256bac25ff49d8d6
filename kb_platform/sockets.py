"""WebSocket routes."""

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.urls import path

from apps.chat.consumers import ChatConsumer
from apps.documents.consumers import DocumentsConsumer

# Any: Channels routes ASGI applications through Django's path(), which is typed for views.
_chat: Any = ChatConsumer.as_asgi()
_documents: Any = DocumentsConsumer.as_asgi()
_routes: list[Any] = [
    path("ws/chat", _chat),
    path("ws/documents/<uuid:collection>", _documents),
]

sockets = AuthMiddlewareStack(URLRouter(_routes))
