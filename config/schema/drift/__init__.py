"""Drift: where the models, the migrations, what is recorded of them and the live catalogue say different things.

Nothing here writes. `docs/schema.md` says what is compared, and what is not.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from config.schema.dialects import NAMES, dialect
from config.schema.drift.difference import Difference
from config.schema.drift.expected import ExpectedTable, expected_catalogue
from config.schema.drift.history import history_differences, migrations_ahead
from config.schema.drift.mend import mended
from config.schema.drift.reread import applied_state, behind_applied, lacking, look, unlike_the_plan, unrecorded
from config.schema.expected import has_table
from config.schema.lint.history import model_drift
from config.schema.lint.project import Project, default_labels

__all__ = [
    "Difference",
    "applied_differences",
    "applied_state",
    "behind_applied",
    "catalogue_differences",
    "history_differences",
    "lacking",
    "migrations_ahead",
    "model_differences",
    "unlike_the_plan",
    "unrecorded",
]


def catalogue_differences(
    connection: Any, state: ProjectState, tables: Collection[str] | None = None
) -> list[Difference]:
    """What the live catalogue has otherwise than the state, in the order in which it can be mended.

    `tables`: only these; by default all that the state has. The number of queries does not depend on theirs.
    """
    expected = expected_catalogue(connection, state)
    found, live = look(connection, expected, tables)
    return mended(connection, found, live)


def applied_differences(
    connection: Any,
    executor: Any = None,
    *,
    labels: Collection[str] = (),
    sql: bool = True,
    also: Collection[tuple[str, str]] | None = None,
) -> list[Difference]:
    """What the live catalogue has otherwise than the migrations that are applied; with `labels` in these apps only.

    What is applied and not recorded is taken for applied: `also`, by app and name, where the caller has looked for it
    with `unrecorded`. Of an app that a newer release has migrated further than this
    code knows, only missing tables. Of one with a file that is lost or not what was applied, no SQL: it would change
    the database towards the wrong files. Without `sql` it is cheap: what is expected is kept until another set of
    migrations is applied.
    """
    executor = executor or MigrationExecutor(connection)
    loader = executor.loader
    if also is None:
        also = {(each.app_label, each.name) for each, _ in unrecorded(connection, executor)}
    expected = _expected_now(connection, loader, also, applied_state(executor, also))
    found, live = look(connection, expected)
    further = {app for app, _ in migrations_ahead(loader)}
    app_of = {name: table.model._meta.app_label for name, table in expected.items()}
    found = [each for each in found if app_of[each.table] not in further or each.kind == "missing_table"]
    found = [each for each in found if not labels or app_of[each.table] in labels]
    if sql:
        differences = mended(connection, found, live)
    else:
        differences = [Difference(each.kind, each.table, each.name, each.words) for each in found]
    first = _files_first(connection, loader) if differences else {}
    return [
        replace(each, sql=(), first=words)
        if each.kind != "invalid_index" and (words := first.get(app_of[str(each.table)]))
        else each
        for each in differences
    ]


def _files_first(connection: Any, loader: Any) -> dict[str, str]:
    """For each app whose files are not what was applied: that they have to be put back before anything else."""
    wrong: dict[str, list[str]] = {}
    for each in history_differences(connection, loader):
        if each.kind in ("edited", "lost") and each.name:
            wrong.setdefault(each.name.partition(".")[0], []).append(each.name)
    return {
        app: f"First put back {', '.join(names)}, as it was applied here; then look again."
        for app, names in wrong.items()
    }


_kept: dict[str, tuple[Any, dict[str, ExpectedTable]]] = {}


def _expected_now(
    connection: Any, loader: Any, also: Collection[tuple[str, str]], state: ProjectState
) -> Mapping[str, ExpectedTable]:
    """The expected catalogue of what is applied, which takes long to render and changes when somebody migrates."""
    key = (
        dialect(connection).name,
        connection.SchemaEditorClass,
        connection.get_database_version(),
        {(each, type(loader.disk_migrations.get(each))) for each in {*loader.applied_migrations, *also}},
        {name for name, model in state.models.items() if has_table(connection, model, state)},
    )
    kept = _kept.get(connection.alias)
    if kept is None or kept[0] != key:
        kept = _kept[connection.alias] = key, expected_catalogue(connection, state)
    return kept[1]


def model_differences(labels: Collection[str] = ()) -> list[Difference]:
    """What makemigrations would write of these apps, by default of all that are not Django's own; asks no database."""
    project = Project({*labels} or default_labels(), NAMES, {})
    return [
        Difference("model", None, finding.where, f"{finding.where}: {finding.message}")
        for finding in model_drift(project)
    ]
