"""What an address can be told of."""

from django.utils.functional import Promise

from apps.events.sentences import SENTENCES

KINDS = (
    "access.granted",
    "access.refused",
    "access.requested",
    "chat.answered",
    "collection.created",
    "collection.deleted",
    "document.added",
    "document.deleted",
    "document.failed",
    "document.ready",
    "document.renamed",
    "document.version_added",
    "source.failed",
    "turn.rated",
)


def choices() -> list[tuple[str, Promise]]:
    return [(kind, SENTENCES[kind]) for kind in KINDS]
