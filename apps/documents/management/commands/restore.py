"""Puts a backup in place. Here and not in ``core``, because the index is filled again after it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core import backup
from apps.documents.runs import reindex


class Command(BaseCommand):
    help = "Verify a backup and put it in place of this installation, which must be stopped."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--force",
            action="store_true",
            help="Replace what is there; it is kept aside in the data folder.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            manifest = backup.restore(options["folder"].resolve(), force=options["force"])
        except backup.BackupError as error:
            raise CommandError(str(error)) from error
        queued = reindex.queue_everything()
        self.stdout.write(f"Restored the backup of {manifest.created_at}.")
        self.stdout.write(f"Start Footnote now: {queued} documents are then indexed again.")
        if not manifest.has_key:
            self.stdout.write("Set KB_SECRET_KEY to the key of that installation before.")
