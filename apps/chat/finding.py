"""What ⌘K finds: workspaces, collections, documents and conversations, each through the scope."""

from typing import Any

from apps.chat.queries import conversations_grouped, find_conversations
from apps.documents.models import Document
from apps.workspaces.models import Collection, Workspace

MOST = 6


def found(words: str) -> dict[str, Any]:
    """The best few of each kind; without words the rooms and the newest conversations."""
    if not words:
        newest = [row for group in conversations_grouped(limit=MOST) for row in group.conversations]
        return {"workspaces": Workspace.objects.all()[:MOST], "conversations": newest}
    return {
        "workspaces": Workspace.objects.filter(name__icontains=words)[:MOST],
        "collections": Collection.objects.filter(name__icontains=words).select_related("workspace")[
            :MOST
        ],
        "documents": Document.objects.filter(name__icontains=words).select_related("collection")[
            : MOST * 2
        ],
        "conversations": find_conversations(words, limit=MOST),
    }
