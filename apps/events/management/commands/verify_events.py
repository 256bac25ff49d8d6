"""Says whether the list of events is whole, and where it broke."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.events import chain
from apps.events.models import Event
from apps.permissions.scope import system_scope

_WHY = {
    "missing": "An event is missing here: it was removed from the database.",
    "changed": "This event was changed after it was written.",
    "link": "The link of this event was changed.",
    "end": "The end of the list is not where it was: events were removed or added there.",
    "erasure": "More or fewer events were emptied than the erasures say.",
}


class Command(BaseCommand):
    help = (
        "Compare the whole chain of events. Prints its length and its last link: keep them outside "
        "and give them with --expect next time. Exit status 1: something was changed or removed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--expect", metavar="PLACE:LINK", help="a place and its link that were kept outside"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with system_scope("command line: whoever may run it owns the installation"):
            chain.extend()
            report = chain.check()
            is_kept = _is_kept(options["expect"] or "")
        self.stdout.write(f"{report.length} events, {report.erased} of them erased.")
        self.stdout.write(f"Last link: {report.length}:{report.head}")
        if not is_kept:
            self.stdout.write("The link that was kept outside is not in this chain.")
        if report.is_whole and is_kept:
            self.stdout.write("Whole.")
            return
        if not report.is_whole:
            self.stdout.write(f"BROKEN at {report.broken_at}: {_WHY[report.reason]}")
        sys.exit(1)


def _is_kept(expected: str) -> bool:
    """Whether the link at that place is still the one that somebody kept."""
    place, _, link = expected.partition(":")
    if not expected:
        return True
    if not place.isdecimal():
        return False
    return Event.objects.filter(position=int(place), link=link.strip()).exists()
