"""Where text of documents is repeated outside them: every model with a quote and a document.

Found by their columns and not by name, so that a model of an app above, or one that comes later,
is counted too.
"""

from collections.abc import Collection, Iterator
from uuid import UUID

from django.apps import apps
from django.db import models

_QUOTE, _DOCUMENT, _COLLECTION = "quote", "document_id", "collection_id"


def count_of_document(document_id: UUID) -> int:
    """How many stored quotes repeat this document. Sees what the current scope sees."""
    return _count(_DOCUMENT, [document_id])


def count_of_collections(collection_ids: Collection[UUID]) -> int:
    """The same, for every document of these collections."""
    return _count(_COLLECTION, collection_ids)


def _count(column: str, ids: Collection[UUID]) -> int:
    return sum(
        model._default_manager.filter(**{f"{column}__in": list(ids)})  # noqa: SLF001 - Django's name
        .exclude(**{_QUOTE: ""})
        .count()
        for model in _quoting(column)
    )


def _quoting(column: str) -> Iterator[type[models.Model]]:
    for model in apps.get_models():
        columns = {field.attname for field in model._meta.concrete_fields}  # noqa: SLF001 - the same
        if {_QUOTE, column} <= columns:
            yield model
