"""Drift: where the models, the migrations, what is recorded of them and the live catalogue say different things.

Nothing here writes. `docs/schema.md` says what is compared, and what is not.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from config.schema.dialects import NAMES, dialect
from config.schema.drift.difference import Difference
from config.schema.drift.expected import ExpectedTable, expected_catalogue
from config.schema.drift.history import history_differences, migrations_ahead
from config.schema.drift.mend import mended
from config.schema.drift.reread import lacking, look, unlike_the_plan, unrecorded
from config.schema.expected import has_table
from config.schema.lint.history import model_drift
from config.schema.lint.project import Project, default_labels

__all__ = [
    "Difference",
    "applied_differences",
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
    connection: Any, executor: Any = None, *, labels: Collection[str] = (), sql: bool = True
) -> list[Difference]:
    """What the live catalogue has otherwise than the migrations that are applied; with `labels` in these apps only.

    Of an app that a newer release has migrated further than this code knows, only missing tables. Without `sql` it is
    cheap: what is expected is kept until another set of migrations is applied.
    """
    executor = executor or MigrationExecutor(connection)
    # Django offers the state of what is applied to its own executor only.
    state = executor._create_project_state(with_applied_migrations=True)
    expected = _expected_now(connection, executor.loader, state)
    found, live = look(connection, expected)
    further = {app for app, _ in migrations_ahead(executor.loader)}
    app_of = {name: table.model._meta.app_label for name, table in expected.items()}
    found = [each for each in found if app_of[each.table] not in further or each.kind == "missing_table"]
    found = [each for each in found if not labels or app_of[each.table] in labels]
    if sql:
        return mended(connection, found, live)
    return [Difference(each.kind, each.table, each.name, each.words) for each in found]


_kept: dict[str, tuple[Any, dict[str, ExpectedTable]]] = {}


def _expected_now(connection: Any, loader: Any, state: ProjectState) -> Mapping[str, ExpectedTable]:
    """The expected catalogue of what is applied, which takes long to render and changes when somebody migrates."""
    key = (
        dialect(connection).name,
        connection.SchemaEditorClass,
        connection.get_database_version(),
        {(each, type(loader.disk_migrations.get(each))) for each in loader.applied_migrations},
        {name for name, model in state.models.items() if has_table(connection, model)},
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
