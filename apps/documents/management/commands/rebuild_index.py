"""Fills the search index anew from what SQL holds."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.documents.runs import reindex


class Command(BaseCommand):
    help = "Queue every document to be embedded and indexed again. Safe while Footnote runs."

    def handle(self, *args: Any, **options: Any) -> None:
        queued = reindex.queue_everything()
        self.stdout.write(f"{queued} documents are queued to be indexed again.")
