"""Seals every stored secret anew with the installation's present key."""

import os
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.core import sealing
from apps.core.errors import AppError
from apps.permissions.scope import system_scope


class Command(BaseCommand):
    help = (
        "Seal every stored secret anew with the present key. Earlier keys (KB_SECRET_KEY_BEFORE, "
        "or secret.key.before) can be removed once it says that nothing needs them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--new-key",
            action="store_true",
            help="First make a new data_dir/secret.key; the old one goes to secret.key.before.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["new_key"]:
            self._new_key()
        done = lost = 0
        with system_scope("command line: whoever may run it owns the installation"):
            for column in sealing.COLUMNS:
                renewed, failed = _sealed_anew(column)
                done, lost = done + renewed, lost + failed
        self.stdout.write(f"{done} secrets were sealed with the present key.")
        if lost:
            raise CommandError(
                f"{lost} secrets open with no known key and have to be typed in again."
            )
        self.stdout.write("Nothing needs an earlier key any more.")

    def _new_key(self) -> None:
        if not (settings.DATA_DIR / "secret.key").exists():
            raise CommandError(
                "The key is not in a file. Put the old one into KB_SECRET_KEY_BEFORE and a new one "
                "into KB_SECRET_KEY, restart, and run this without --new-key."
            )
        old = settings.SECRET_KEY
        settings.SECRET_KEY = _renewed(settings.DATA_DIR)
        settings.SECRET_KEY_FALLBACKS = [old, *settings.SECRET_KEY_FALLBACKS]
        self.stdout.write("A new key is in secret.key. Restart Footnote, so that all parts use it.")


def _sealed_anew(column: str) -> tuple[int, int]:
    """(sealed anew, not opened) of ``app.Model.field``. May run while the installation does: a row
    that somebody changed in between keeps what they wrote."""
    label, _dot, field = column.rpartition(".")
    rows = apps.get_model(label)._default_manager  # noqa: SLF001 - Django's own name
    done = lost = 0
    for pk, old in rows.exclude(**{field: ""}).values_list("pk", field).order_by("pk"):
        if sealing.is_present(old):
            continue
        try:
            fresh = sealing.seal(sealing.unseal(old))
        except AppError:
            lost += 1
            continue
        done += rows.filter(pk=pk, **{field: old}).update(**{field: fresh})
    return done, lost


def _renewed(data_dir: Path) -> str:
    """A new key in data_dir/secret.key; the old one is kept, first of those of before. Whatever
    moment this is broken off at, no key is lost."""
    key, before = data_dir / "secret.key", data_dir / "secret.key.before"
    old = [key.read_text().strip(), *(before.read_text().split() if before.exists() else [])]
    _written(before, "\n".join(dict.fromkeys(old)))
    fresh = secrets.token_urlsafe(50)
    _written(key, fresh)
    return fresh


def _written(path: Path, text: str) -> None:
    """The whole file or the old one, readable by its owner only."""
    draft = path.with_suffix(".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)
