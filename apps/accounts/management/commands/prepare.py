"""Everything that must be true before the first process of an installation starts."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from apps.accounts import services


class Command(BaseCommand):
    help = (
        "Bring the database up to date and make sure of a first administrator: from "
        "KB_ADMIN_EMAIL and KB_ADMIN_PASSWORD, else through a link that works once and is printed. "
        "May be repeated at any time."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--wait",
            type=float,
            metavar="SECONDS",
            help="Do nothing but wait until another machine has prepared the database.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["wait"] is not None:
            self._wait(options["wait"])
            return
        Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # looked for at every start
        call_command("migrate", interactive=False, verbosity=1, stdout=self.stderr)
        self._administrator()

    def _administrator(self) -> None:
        if settings.ADMIN_EMAIL and settings.ADMIN_PASSWORD:
            made = services.ensure_administrator(
                email=settings.ADMIN_EMAIL, password=settings.ADMIN_PASSWORD
            )
            if made is not None:
                self.stdout.write(f"{made.email} is the administrator, as KB_ADMIN_EMAIL says.")
            return
        token = services.setup_token()
        if token is not None:
            link = settings.PUBLIC_URL + reverse("accounts:setup", args=[token])
            self.stdout.write(f"Make yourself its administrator (this link works once): {link}")

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not _is_migrated():
            if time.monotonic() > deadline:
                raise CommandError("The database is not prepared yet. Is the web part running?")
            time.sleep(1)


def _is_migrated() -> bool:
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except OperationalError:
        return False
    finally:
        connection.close()
