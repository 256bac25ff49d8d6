"""A whole installation in one folder, taken while it runs, and put back from there.

The index is not in it: it is a cache, and is filled again from SQL after a restore.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from apps.core import backup_sql

FORMAT = 1
MANIFEST = "manifest.json"
_KEY = "secret.key"
_FILES, _PARSED = "files", "parsed"


class BackupError(Exception):
    """Nothing was done, or the copy is not whole; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds, written last: without it a folder is not a backup."""

    format: int
    created_at: str
    database: str
    migrations: dict[str, str]
    rows: dict[str, int]
    has_key: bool
    files: dict[str, tuple[int, str]]  # path → size, sha256


# --- taking ---------------------------------------------------------------------------------------
def take(folder: Path) -> Manifest:
    """Copy SQL, files, parsed text and key into an empty folder. Raises BackupError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty. Name a new folder.")
    # Files before and after SQL: whatever a row of that moment names is there, and a file that is
    # removed in between was copied already. Stored files never change.
    _copy_stores(folder)
    rows = backup_sql.dump(folder)
    _copy_stores(folder)
    key = Path(settings.DATA_DIR) / _KEY
    if key.exists():
        _copy(key, folder / _KEY, link=False)
    manifest = Manifest(
        format=FORMAT,
        created_at=timezone.now().isoformat(),
        database=connection.vendor,
        migrations=_migrations(),
        rows=rows,
        has_key=key.exists(),
        files={name: _noted(folder, name) for name in _names(folder)},
    )
    os.sync()
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1))
    return manifest


def _copy_stores(folder: Path) -> None:
    for source, name in ((settings.BLOB_DIR, _FILES), (settings.PARSED_DIR, _PARSED)):
        for path in sorted(Path(source).glob("??/**/*")):
            if path.is_file() and path.suffix != ".tmp":
                _copy(path, folder / name / path.relative_to(source), link=True)


def _copy(source: Path, target: Path, *, link: bool) -> None:
    """A hard link costs no space on the same disk; on another one the bytes are copied."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if link:
            os.link(source, target)
            return
    except FileNotFoundError:
        return  # removed since it was listed
    except OSError:
        pass  # another disk, or one that knows no links
    shutil.copy2(source, target)


def _migrations() -> dict[str, str]:
    """The last applied migration of each app."""
    applied = sorted(MigrationRecorder(connection).applied_migrations())
    return dict(applied)


# --- verifying ------------------------------------------------------------------------------------
def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup. Raises BackupError when there is none that can be read."""
    try:
        values = json.loads((folder / MANIFEST).read_text())
        manifest = Manifest(**values)
    except FileNotFoundError as error:
        raise BackupError(f"{folder} has no {MANIFEST}: it is not a finished backup.") from error
    except (ValueError, TypeError) as error:
        raise BackupError(f"{folder / MANIFEST} cannot be read.") from error
    if manifest.format != FORMAT:
        raise BackupError("This backup was made by a newer Footnote. Restore it with that one.")
    return manifest


def verify(folder: Path) -> Manifest:
    """Read every byte and compare. Raises BackupError naming the first file that differs."""
    manifest = read_manifest(folder)
    for name, (size, digest) in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise BackupError(f"{path} is missing. This backup is not whole.")
        if _facts(path) != (size, digest):
            raise BackupError(f"{path} has changed since the backup was made.")
    return manifest


def _names(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != MANIFEST:
            yield str(path.relative_to(folder))


def _noted(folder: Path, name: str) -> tuple[int, str]:
    """Stored files are named after their hash: they are not read again while copying."""
    path = folder / name
    if name.startswith(f"{_FILES}/"):
        return path.stat().st_size, path.name
    return _facts(path)


def _facts(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


# --- restoring ------------------------------------------------------------------------------------
def restore(folder: Path, *, force: bool = False) -> Manifest:
    """Verify, then put SQL, files and key in place. Raises BackupError and then changes nothing:
    when the backup is not whole or too new, when Footnote runs, or when there is data already
    and not ``force``. What is replaced by force is kept aside in the data folder."""
    manifest = verify(folder)
    _refuse_newer(manifest)
    _refuse_while_running()
    data = Path(settings.DATA_DIR)
    if _has_data():
        if not force:
            raise BackupError(f"{data} holds an installation. Say --force to replace it.")
        _set_aside(data)
    _restore_sql(folder, manifest)
    _restore_store(folder / _FILES, Path(settings.BLOB_DIR))
    _restore_store(folder / _PARSED, Path(settings.PARSED_DIR))
    if manifest.has_key:
        (data / _KEY).unlink(missing_ok=True)
        _copy(folder / _KEY, data / _KEY, link=False)
        (data / _KEY).chmod(0o600)
    return manifest


def _restore_sql(folder: Path, manifest: Manifest) -> None:
    try:
        if connection.vendor == "postgresql":
            for app, name in manifest.migrations.items():
                call_command("migrate", app, name, interactive=False, verbosity=0)
        backup_sql.load(folder)
    except backup_sql.DatabaseDiffers as error:
        raise BackupError(str(error)) from error
    connections.close_all()
    call_command("migrate", interactive=False, verbosity=0)


def _restore_store(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            _copy(path, target / path.relative_to(source), link=True)


def _refuse_newer(manifest: Manifest) -> None:
    known = set(MigrationExecutor(connection).loader.graph.nodes)
    unknown = [
        f"{app}.{name}" for app, name in manifest.migrations.items() if (app, name) not in known
    ]
    if unknown:
        raise BackupError(
            f"This Footnote does not know {', '.join(unknown)}: the backup is of a newer one."
        )


def _refuse_while_running() -> None:
    """The supervisor holds its locks for as long as it runs."""
    for path in Path(settings.RUN_DIR).glob("*.lock"):
        with path.open() as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise BackupError("Footnote runs on this data folder. Stop it first.") from error


def _has_data() -> bool:
    try:
        has_rows = get_user_model().objects.exists()
    except DatabaseError:  # no tables yet
        has_rows = False
    return has_rows or any(Path(settings.BLOB_DIR).glob("??/*"))


def _set_aside(data: Path) -> None:
    """Keep what is replaced: files, text and index are moved, SQL is dumped."""
    aside = data / f"replaced-{timezone.now():%Y%m%d-%H%M%S}"
    aside.mkdir(mode=0o700)
    backup_sql.dump(aside)
    for store in (settings.BLOB_DIR, settings.PARSED_DIR, settings.INDEX_DIR):
        if Path(store).exists():
            Path(store).rename(aside / Path(store).name)
