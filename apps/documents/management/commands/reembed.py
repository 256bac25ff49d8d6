"""Embeds everything again with the installation's own model, as its settings name it now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.errors import AppError, message_of
from apps.documents.embedding import services as reembedding
from apps.engines.models import EmbeddingProfile, Endpoint
from apps.engines.profiles import filling_profile
from apps.permissions.scope import system_scope
from apps.rag.ports import EngineError


class Command(BaseCommand):
    help = (
        "Embed every passage again with another model, beside the vectors in use; search goes over "
        "to them when all are there. Without arguments it says how far that is. Safe while "
        "Footnote runs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--own", action="store_true", help="with the model of the settings")
        how.add_argument("--endpoint", metavar="NAME", help="with the model server of this name")
        how.add_argument("--cancel", action="store_true", help="give up what is being filled")

    def handle(self, *args: Any, **options: Any) -> None:
        with system_scope("command line: whoever may run it owns the installation"):
            try:
                if options["cancel"]:
                    reembedding.cancel()
                elif options["own"] or options["endpoint"]:
                    self._begin(options["endpoint"])
            except (AppError, EngineError) as error:
                raise CommandError(f"{error.code}: {message_of(str(error.code))}") from error
            self._say(filling_profile())

    def _begin(self, name: str | None) -> None:
        endpoint = None
        if name:
            endpoint = Endpoint.objects.filter(kind=Endpoint.Kind.EMBEDDINGS, name=name).first()
            if endpoint is None:
                raise CommandError(f"There is no model server for embeddings named {name!r}.")
        found = reembedding.cost(endpoint=endpoint)
        minutes = found.seconds / 60
        self.stdout.write(f"{found.passages} passages, about {minutes:.0f} minutes.")
        reembedding.begin(endpoint=endpoint)

    def _say(self, filling: EmbeddingProfile | None) -> None:
        if filling is None:
            self.stdout.write("No table is being filled.")
            return
        told = reembedding.progress(filling)
        self.stdout.write(
            f"{filling.model}: {told.done} of {told.passages} passages, {told.failed} documents "
            "refused. It takes over when it is full."
        )
