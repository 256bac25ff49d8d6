"""Takes deleted rows off the disk of the database, which otherwise only marks them.

Raw SQL at home: maintenance commands on whole tables that read nothing.
"""

from collections.abc import Sequence

from django.db import DatabaseError, connection, models


def reclaim(touched: Sequence[type[models.Model]]) -> bool:
    """Make the space of deleted rows free. False when it could not be done now: inside a
    transaction, or while a long reader holds it up.

    PostgreSQL: VACUUM of the tables. SQLite overwrites deleted rows at once (``secure_delete``);
    here its write-ahead log, which holds older pages, is written back and emptied.
    """
    if connection.in_atomic_block:
        return False
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                for model in touched:
                    table = connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001 - Django's name
                    cursor.execute(f"VACUUM {table}")
                return True
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchone()
            return bool(busy is not None and busy[0] == 0)
    except DatabaseError:
        return False
