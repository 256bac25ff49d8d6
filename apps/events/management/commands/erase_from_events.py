"""Takes a person out of the list of events."""

from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.events import erasing
from apps.permissions.scope import system_scope


class Command(BaseCommand):
    help = (
        "Empty what the events say of a person: who, from where, names. That something happened "
        "stays, and so does the chain."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--person", required=True, help="e-mail address or id")
        parser.add_argument(
            "--name", action="append", default=[], help="another name to look for; repeatable"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        person, names = _person(options["person"])
        with system_scope("command line: whoever may run it owns the installation"):
            count = erasing.erase(person=person, names=(*names, *options["name"]))
        self.stdout.write(f"{count} events were emptied.")


def _person(text: str) -> tuple[UUID, tuple[str, ...]]:
    """The id, and what the account is called. Somebody whose account is gone is named by id."""
    model = get_user_model()
    user = model._default_manager.filter(email__iexact=text).first()  # noqa: SLF001 - Django's own name
    if user is not None:
        return user.pk, (user.email, user.name, user.login)
    try:
        return UUID(text), ()
    except ValueError as error:
        msg = f"Nobody has the e-mail address {text}. Give the id of the account."
        raise CommandError(msg) from error
