"""Rules about all migrations together: drift from the models, several ends, and edits after the fact."""

from collections.abc import Iterator

from django.apps import apps
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ProjectState

from config.schema.digest import migration_digest
from config.schema.lint.findings import Finding
from config.schema.lint.project import Project, name_of


def model_drift(project: Project) -> Iterator[Finding]:
    """schema.C001: what makemigrations would write."""
    detector = MigrationAutodetector(
        project.loader.project_state(), ProjectState.from_apps(apps), MigrationQuestioner(dry_run=True)
    )
    for label, migrations in sorted(detector.changes(graph=project.loader.graph).items()):
        if label in project.labels:
            operations = [operation.describe() for migration in migrations for operation in migration.operations]
            yield Finding(
                "schema.C001",
                label,
                f"the models say more than the migrations: {'; '.join(operations)}.",
                f"manage.py makemigrations {label}",
            )


def several_leaves(project: Project) -> Iterator[Finding]:
    """schema.C002."""
    for label, names in sorted(project.loader.detect_conflicts().items()):
        if label in project.labels:
            yield Finding(
                "schema.C002",
                label,
                f"several migrations are the last one: {', '.join(sorted(names))}.",
                f"Make the newer depend on the other, or manage.py makemigrations --merge {label}",
            )


def edited_migrations(project: Project) -> Iterator[Finding]:
    """schema.C007."""
    for migration in project.migrations():
        recorded = project.recorded.get((migration.app_label, migration.name))
        if recorded is not None and recorded != migration_digest(migration):
            yield Finding(
                "schema.C007",
                name_of(migration),
                "it means something else than when it was applied.",
                "Bring the applied version back, and make the change in a new migration.",
            )
