"""Tables beside the journal that a page may need before any `migrate` of this release has made them."""

from typing import Any

from config.schema.lock import lock_of
from config.schema.tables import ensure_tables

SECONDS = 2


def ensure_beside(connection: Any, *models: Any) -> None:
    """Make those of the tables that are missing, under the lock; writes nothing where all are there.

    Raises LockNotObtained after a moment where somebody changes the schema, and Hindered where this user may not.
    """
    present = set(connection.introspection.table_names())
    if all(model._meta.db_table in present for model in models):
        return
    lock = lock_of(connection, say=lambda words: None)
    takes = lock.take(SECONDS)
    try:
        ensure_tables(connection, *models)
    finally:
        if takes:
            lock.release()
