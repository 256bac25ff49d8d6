from uuid import UUID

from django.apps import AppConfig

from apps.core import hooks
from apps.documents.jobs import RECONCILE


class DocumentsConfig(AppConfig):
    name = "apps.documents"
    label = "documents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        hooks.collections_removed.connect(_clear_index_and_disk)


def _clear_index_and_disk(_collection_ids: frozenset[UUID]) -> None:
    RECONCILE.enqueue()
