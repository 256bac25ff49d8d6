"""The link of the first run, printed again for whoever can run commands on the server."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.urls import reverse

from apps.accounts import services


class Command(BaseCommand):
    help = (
        "Print the link with which the first administrator is made. It works once; an older one "
        "ends. Prints nothing when there is an administrator."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        token = services.setup_token()
        if token is not None:
            self.stdout.write(settings.PUBLIC_URL + reverse("accounts:setup", args=[token]))
