"""A key for a person, made at the terminal of the server."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import User
from apps.permissions.roles import KeyScope
from apps.permissions.scope import system_scope


class Command(BaseCommand):
    help = "Print a new API key of a person. It is shown this once; only its hash is stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--email", required=True, help="Whose key; it can do no more than they."
        )
        parser.add_argument("--scope", choices=KeyScope.values, default=KeyScope.ASK.value)
        parser.add_argument(
            "--name", default="command line", help="To recognise it by in the list."
        )
        parser.add_argument("--days", type=int, help="Expires after so many days. Default: never.")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = User.objects.filter(email__iexact=options["email"], is_active=True).first()
        if owner is None:
            raise CommandError(f"Nobody active has the e-mail address {options['email']}.")
        days = options["days"]
        with system_scope("command line: whoever may run it owns the installation"):
            _, plain = services.create_api_key(
                owner=owner,
                name=options["name"],
                scope=KeyScope(options["scope"]),
                expires_at=timezone.now() + timedelta(days=days) if days else None,
            )
        self.stdout.write(plain)
