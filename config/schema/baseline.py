"""Adopts a database whose tables are as the migrations make them, and which has no record of that.

It is looked at before anything is recorded, and once more under the lock; where a table is otherwise than the
migrations would have made it, nothing is recorded at all.
"""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django.db.migrations.operations import RunPython, RunSQL

from config.schema.drift import Difference, applied_state, catalogue_differences
from config.schema.exits import Interrupted, Refused
from config.schema.expected import expected_tables, present_tables, touched_tables
from config.schema.journal import Journal
from config.schema.lock import SchemaLock
from config.schema.plan import Targets
from config.schema.recovery import journal_as_faked, run_under_lock
from config.schema.watched import flattened


@dataclass(frozen=True)
class Baseline:
    """What would be recorded, and what speaks against it."""

    migrations: tuple[Migration, ...]
    tables: tuple[str, ...]
    """The tables that were compared."""
    differences: tuple[Difference, ...] = ()
    is_empty: bool = False
    """Whether none of the tables is there, so that the migrations have to be run."""

    @property
    def unseen(self) -> tuple[Migration, ...]:
        """Those with code of their own: what it did to rows, no catalogue tells."""
        return tuple(each for each in self.migrations if any(map(_is_code, flattened(each.operations))))


def read_baseline(connection: Any, targets: Targets | None = None) -> Baseline:
    """What has to be recorded so that the migrations up to these are; by default all. It only reads.

    What they depend on is among them. Raises InconsistentMigrationHistory, and Interrupted where one is half done.
    """
    executor = MigrationExecutor(connection)
    executor.loader.check_consistent_history(connection)
    for step in Journal(connection).open_steps():
        raise Interrupted(f"{step} was interrupted: say schema_recover, which goes on with it, before anything else.")
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes() if targets is None else targets)
    migrations = tuple(each for each, back in plan if not back)
    after = applied_state(executor, {(each.app_label, each.name) for each in migrations})
    expected = expected_tables(connection, after)
    touched = touched_tables(connection, applied_state(executor), after)
    tables = tuple(sorted(touched & expected))
    there = present_tables(connection, touched)
    if tables and not there:
        return Baseline(migrations, tables, is_empty=True)
    gone = [Difference("extra_table", each, None, f"The table {each} is still there.") for each in touched - expected]
    found = [each for each in gone if each.table in there] + catalogue_differences(connection, after, tables)
    return Baseline(migrations, tables, tuple(found))


def record_baseline(lock: SchemaLock, targets: Targets | None, timeout: float, words: dict[str, str]) -> Baseline:
    """Record all of them, or none: journalled as `migrate --fake` is, with who and why. Returns what was recorded.

    `words`: as for `Journal.begin`. Raises Refused where the tables differ and without a reason, and what
    `SchemaLock.take` raises after `timeout` seconds.
    """
    if not words["reason"]:
        raise Refused("This says that something is done which nobody has seen done: say --reason with it.")
    with run_under_lock(lock, timeout, words) as journal:
        found = read_baseline(lock.connection, targets)
        refuse_what_differs(found)
        executor = MigrationExecutor(lock.connection)
        executor.recorder.ensure_schema()
        with transaction.atomic(using=lock.connection.alias):
            for each in found.migrations:
                journal_as_faked(journal, each)
                executor.record_migration(each)
            executor.check_replacements()
    return found


def refuse_what_differs(found: Baseline) -> None:
    """Raise Refused where the database is not what the migrations would have made."""
    if found.is_empty:
        raise Refused("None of the tables is there, so there is nothing to adopt: run migrate, which makes them.")
    if found.differences:
        raise Refused(
            "The database is not as these migrations would have made it, so nothing was recorded: mend what is "
            "listed, or name an earlier migration."
        )


def way_out(difference: Difference) -> str:
    """What to do about a difference where nothing is recorded yet."""
    match difference.kind:
        case "missing_table":
            return "Restore it from a back-up, or name a migration before the one that makes it."
        case "extra_table":
            return "Drop it, or name a migration before the one that does."
        case _ if difference.sql:
            return "schema_baseline --sql says how to mend it."
    return difference.advice


def _is_code(operation: Any) -> bool:
    if isinstance(operation, RunPython):
        return operation.code is not RunPython.noop
    return isinstance(operation, RunSQL) or bool(getattr(operation, "keeps_its_place", False))
