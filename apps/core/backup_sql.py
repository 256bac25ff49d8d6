"""The database as files and back, consistent while others write. Two ways: SQLite and PostgreSQL.

Raw SQL at home: copies whole tables of the whole installation, for its administrator only.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from django.apps import apps
from django.core.management.color import no_style
from django.db import connection
from psycopg.sql import SQL, Composed, Identifier

SQLITE_FILE = "database.sqlite3"
TABLES_FOLDER = "tables"


class DatabaseDiffers(Exception):
    """A backup of one kind of database cannot be put into the other."""


def tables() -> dict[str, list[str]]:
    """Every table of the installed apps with its columns, in one order. By name: the order of
    columns differs between an old database and a new one."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        options = model._meta  # noqa: SLF001 - what Django calls it in public
        if options.managed:
            fields = options.local_concrete_fields
            found[options.db_table] = [field.column for field in fields if field.column]
    return dict(sorted(found.items()))


def dump(folder: Path) -> dict[str, int]:
    """Write the database as of one moment. Returns rows per table."""
    if connection.vendor == "sqlite":
        return _dump_sqlite(folder / SQLITE_FILE)
    return _dump_postgresql(folder / TABLES_FOLDER)


def load(folder: Path) -> None:
    """Put a dump in the place of what the database has. The schema must be that of the dump,
    except for SQLite, where it comes with it. Raises DatabaseDiffers."""
    kind = "sqlite" if (folder / SQLITE_FILE).exists() else "postgresql"
    if connection.vendor != kind:
        raise DatabaseDiffers(f"This backup is of {kind}; KB_DATABASE_URL names another kind.")
    if kind == "sqlite":
        _load_sqlite(folder / SQLITE_FILE)
    else:
        _load_postgresql(folder / TABLES_FOLDER)


# --- SQLite ---------------------------------------------------------------------------------------
def _dump_sqlite(target: Path) -> dict[str, int]:
    """SQLite's own backup: one moment, without stopping writers."""
    source_name = str(connection.settings_dict["NAME"])
    with (
        contextlib.closing(sqlite3.connect(source_name, timeout=60)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        (verdict,) = copy.execute("PRAGMA quick_check").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        return {table: _count(copy, table) for table in tables()}


def _count(copy: sqlite3.Connection, table: str) -> int:
    (rows,) = copy.execute(f'SELECT count(*) FROM "{table}"').fetchone()  # noqa: S608 - our tables
    return int(rows)


def _load_sqlite(source: Path) -> None:
    connection.close()
    target = Path(connection.settings_dict["NAME"])
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(source)) as copy,
        contextlib.closing(sqlite3.connect(target)) as restored,
    ):
        copy.backup(restored)


# --- PostgreSQL -----------------------------------------------------------------------------------
@contextlib.contextmanager
def _postgresql() -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own: Django's may be in a transaction, or come from a pool."""
    wanted = {"dbname", "user", "password", "host", "port"}
    given = connection.get_connection_params()
    with psycopg.connect(**{key: given[key] for key in wanted & given.keys()}) as own:
        yield own


def _dump_postgresql(folder: Path) -> dict[str, int]:
    """COPY of every table inside one snapshot; needs no program of the server's version."""
    folder.mkdir()
    with _postgresql() as own:
        own.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        rows = {}
        for table, columns in tables().items():
            query = _copy_of(table, columns) + SQL(" TO STDOUT")
            rows[table] = _copy_out(own, query, folder / f"{table}.copy")
        return rows


def _copy_of(table: str, columns: list[str]) -> Composed:
    names = SQL(", ").join(Identifier(name) for name in columns)
    return SQL("COPY {} ({})").format(Identifier(table), names)


def _copy_out(own: psycopg.Connection[Any], query: Composed, path: Path) -> int:
    with own.cursor() as cursor, path.open("wb") as out:
        with cursor.copy(query) as rows:
            for data in rows:
                out.write(data)
        return cursor.rowcount


def _load_postgresql(folder: Path) -> None:
    """One transaction: foreign keys are checked at its end, so the order does not matter."""
    with _postgresql() as own:
        names = SQL(", ").join(Identifier(table) for table in tables())
        own.execute(SQL("TRUNCATE {} CASCADE").format(names))
        for table, columns in tables().items():
            query = _copy_of(table, columns) + SQL(" FROM STDIN")
            _copy_in(own, query, folder / f"{table}.copy")
        models = apps.get_models(include_auto_created=True)
        for statement in connection.ops.sequence_reset_sql(no_style(), list(models)):
            own.execute(statement.encode())


def _copy_in(own: psycopg.Connection[Any], query: Composed, path: Path) -> None:
    with own.cursor() as cursor, cursor.copy(query) as rows, path.open("rb") as source:
        while data := source.read(1 << 20):
            rows.write(data)
