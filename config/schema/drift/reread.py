"""Looks at the database again: whether what was to be applied is there, and whether what is there is recorded."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.operations import RunPython, RunSQL
from django.db.migrations.state import ProjectState

from config.schema.dialects.catalogue import Table
from config.schema.drift.compare import compare
from config.schema.drift.difference import Difference, Found
from config.schema.drift.expected import ExpectedTable, expected_catalogue, live_catalogue
from config.schema.expected import expected_tables, present_tables, touched_tables
from config.schema.journal import Journal, Step
from config.schema.resume import flattened

Plan = Iterable[tuple[Migration, bool]]
BESIDE_MIGRATIONS = ("extra_column",)
"""What a migration may have made by SQL of its own without telling Django."""


def unlike_the_plan(connection: Any, plan: Plan) -> list[Difference]:
    """Of a plan that has been run: the migrations that are not recorded as it says; asks the database anew."""
    applied = MigrationLoader(connection).applied_migrations
    return [
        Difference("not_as_planned", None, str(each), f"{each} is {'still' if back else 'not'} recorded as applied.")
        for each, back in plan
        if ((each.app_label, each.name) in applied) is back
    ]


def look(
    connection: Any, expected: Mapping[str, ExpectedTable], tables: Collection[str] | None = None
) -> tuple[list[Found], dict[str, Table]]:
    """What the live catalogue has otherwise than expected in these tables, by default in all, and that catalogue.

    What differs is looked at twice: a table that is made or dropped at that moment is not told as half a table.
    """
    live = live_catalogue(connection, expected)
    found = compare(expected, live, tables)
    if found:
        first = {(each.kind, each.table, each.words) for each in found}
        live = live_catalogue(connection, expected)
        found = [each for each in compare(expected, live, tables) if (each.kind, each.table, each.words) in first]
    return found, live


def lacking(connection: Any, state: ProjectState, tables: Collection[str]) -> list[Found]:
    """What these tables lack of what the state says; not what they have beside it."""
    found, _ = look(connection, expected_catalogue(connection, state), tables)
    return [each for each in found if each.kind not in BESIDE_MIGRATIONS]


def unrecorded(connection: Any, executor: Any) -> Iterator[tuple[Migration, set[str]]]:
    """The pending migrations that have been applied and are not recorded so, each with the tables that it touches.

    Their tables are as they make them and were not so before; where a migration changes no table, or has code of its
    own, the journal has to say that it was applied.
    """
    loader = executor.loader
    state = executor._create_project_state(with_applied_migrations=True)
    journal = {(step.app, step.name): step for step in Journal(connection).rows_if_any(Step, outcome="done")}
    applied = {*loader.applied_migrations}
    for migration, _ in executor.migration_plan(loader.graph.leaf_nodes()):
        key = (migration.app_label, migration.name)
        if any(parent.key not in applied for parent in loader.graph.node_map[key].parents):
            continue
        after = migration.mutate_state(state, preserve=True)
        tables = touched_tables(connection, state, after)
        made = expected_tables(connection, after) - expected_tables(connection, state)
        gone = expected_tables(connection, state) - expected_tables(connection, after)
        live = present_tables(connection, made | gone)
        is_known = _is_journalled(journal.get(key)) or (made and not _has_code(migration))
        if is_known and made <= live and not gone & live and not lacking(connection, after, tables - gone):
            applied.add(key)
            state = after
            yield migration, tables


def _is_journalled(step: Any) -> bool:
    return bool(step and not step.backwards and not step.faked)


def _has_code(migration: Migration) -> bool:
    return any(isinstance(each, RunPython | RunSQL) for each in flattened(migration.operations))
