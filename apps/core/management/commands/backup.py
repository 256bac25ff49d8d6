"""Copies the whole installation while it runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core import backup


class Command(BaseCommand):
    help = (
        "Copy SQL, files and key of this installation into an empty folder, as of one moment and "
        "without stopping it. The search index is not copied: it is rebuilt after a restore."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"].resolve()
        try:
            manifest = backup.take(folder)
        except backup.BackupError as error:
            raise CommandError(str(error)) from error
        stored = sum(1 for name in manifest.files if name.startswith("files/"))
        self.stdout.write(f"{folder}: {sum(manifest.rows.values())} rows, {stored} files.")
        if manifest.has_key:
            self.stdout.write("It holds every document and secret.key. Keep it as safe as both.")
        else:
            self.stdout.write("KB_SECRET_KEY is not in it. Without that key, sealed keys of model")
            self.stdout.write("servers cannot be read after a restore: keep it elsewhere.")
