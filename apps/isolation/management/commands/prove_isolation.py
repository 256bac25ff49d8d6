"""Plants secrets, asks for them as people without rights, and reports every leak."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from apps.core.errors import AppError
from apps.isolation import world
from apps.isolation.prove import QUESTIONS, prove
from apps.isolation.report import as_markdown


class Command(BaseCommand):
    help = (
        "Prove that nobody gets what they may not see: secrets are planted in hidden workspaces and "
        "asked for through every entry. Safe while Footnote runs. Exit status 1: a leak, or a proof "
        "that could not be made."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--questions", type=int, default=QUESTIONS, help="for each secret, visitor and entry"
        )
        parser.add_argument("--report", type=Path, help="write the report to this Markdown file")
        parser.add_argument("--language", default="en", choices=["en", "zh-hans"])
        parser.add_argument(
            "--clean", action="store_true", help="only remove what a proof that was cut off left"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["clean"]:
            world.remove()
            return
        try:
            proof = prove(number=options["questions"])
        except AppError as error:
            msg = "Another proof is at work. Wait for it, or try again in two hours."
            raise CommandError(msg) from error
        with translation.override(options["language"]):
            text = as_markdown(proof)
        if options["report"]:
            options["report"].write_text(text, encoding="utf-8")
        self.stdout.write(text)
        if not proof.is_clean:
            sys.exit(1)
