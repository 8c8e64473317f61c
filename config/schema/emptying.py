"""Empties a database of everything that migrations made, to make it anew; for development only."""

from typing import Any

from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from config.schema.claim import Claim
from config.schema.dialects import dialect
from config.schema.dialects.emptying import count_rows
from config.schema.drift import applied_state
from config.schema.exits import Refused
from config.schema.expected import expected_tables, spelling
from config.schema.journal import BESIDE, TABLES
from config.schema.lock import SchemaLock

HERE = ("", "localhost", "127.0.0.1", "::1")
OWN = {model._meta.db_table for model in (Claim, MigrationRecorder.Migration, *TABLES, *BESIDE)}


def tables_to_drop(connection: Any, *, host: str = "") -> dict[str, int]:
    """What emptying this database would drop: each table with its rows, counted; it only reads.

    Raises Refused where the database does not look like one of a developer: it is on another machine than this one and
    its `host` is not said, or it holds tables that no migration of this code makes.
    """
    where = str(connection.settings_dict.get("HOST") or "")
    if where not in HERE and not where.startswith("/") and where != host:
        raise Refused(
            f"The database is on {where} and not on this machine, so others may need it: say --host {where} if it is "
            "yours."
        )
    live = _live(connection)
    if unknown := sorted(live - known_tables(connection)):
        some = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise Refused(f"No migration of this code makes {some}: drop them by hand if the database is yours alone.")
    return {name: count_rows(connection, name) for name in sorted(live)}


def known_tables(connection: Any) -> set[str]:
    """The tables of all migrations, those of the ones that are applied, and those of the schema subsystem itself."""
    executor: Any = MigrationExecutor(connection)
    every = executor.loader.project_state(executor.loader.graph.leaf_nodes())
    states = every, applied_state(executor)
    return OWN.union(*(expected_tables(connection, state) for state in states))


def drop_all(lock: SchemaLock) -> None:
    """Drop every table but the one that says who holds the lock, which has to be taken."""
    lock.step("dropping all tables")
    dialect(lock.connection).drop_tables(lock.connection, _live(lock.connection) - {Claim._meta.db_table})


def _live(connection: Any) -> set[str]:
    """All tables and views; a part of a table goes with it."""
    spelled = spelling(OWN, ignores_case=connection.features.ignores_table_name_case)
    with connection.cursor() as cursor:
        found = connection.introspection.get_table_list(cursor)
    return {spelled(each.name) for each in found if each.type in "tv"}
