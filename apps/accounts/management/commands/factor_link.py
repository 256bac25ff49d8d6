"""A way back in for somebody who lost their second factor, made at the terminal of the server."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.accounts.models import User
from apps.accounts.second_factor import lost
from apps.permissions.scope import system_scope


class Command(BaseCommand):
    help = "Print a link with which, and the password, a person sets up a new second factor."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["email"], is_active=True).first()
        if user is None:
            raise CommandError(f"Nobody active has the e-mail address {options['email']}.")
        with system_scope("command line: whoever may run it owns the installation"):
            self.stdout.write(settings.PUBLIC_URL + lost.link(user=user))
