"""Compares the database with the index and the stored files."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.documents.deletion import reconcile
from apps.permissions.scope import system_scope


class Command(BaseCommand):
    help = (
        "Compare database, index and files and print the differences; 0 is expected. "
        "Safe while Footnote runs. Exit status 1: something is not in step."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--repair",
            action="store_true",
            help="remove what nothing refers to, and read or index again what was lost",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with system_scope("command line: whoever may run it owns the installation"):
            row = reconcile.run(is_repairing=options["repair"])
        for kind, number in row.differences.items():
            self.stdout.write(f"{kind.replace('_', ' ')}: {number}")
        if row.error_code:
            self.stdout.write(f"The index was not compared: {row.error_code}")
        if row.total and row.is_repaired:
            self.stdout.write("Repaired, but for missing files: only a backup has those.")
        left = row.differences["missing_files"] if row.is_repaired else row.total
        if left or row.error_code:
            sys.exit(1)
