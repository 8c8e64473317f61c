"""`manage.py schema_plan`: what migrate would do, what that loses and whom it blocks; it changes nothing."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.exceptions import AmbiguityError
from django.db.migrations.loader import MigrationLoader

from config.schema.checklist import checklist, read_checklist
from config.schema.dialects import dialect
from config.schema.direct import OnDirectConnection
from config.schema.exits import USAGE
from config.schema.gate import plan_digest
from config.schema.loss import LossClass
from config.schema.plan import AT_RUN_TIME, PlannedMigration, PlannedStep, Targets, read_plan
from config.schema.stages import add_stage

STAGE_WORDS = {"before": "before the deploy", "after": "after the deploy"}


class Command(OnDirectConnection, BaseCommand):
    help = (
        "Show the pending migrations step by step: reversible or not, what is lost in the live tables, who waits. "
        "Example: schema_plan inventory 0009 --sql"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("app_label", nargs="?", help="This app only, and what it needs.")
        parser.add_argument("migration_name", nargs="?", help="Up to this migration, or back to it, or zero.")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        add_stage(parser)
        parser.add_argument("--sql", action="store_true", help="The SQL: exact for the next migration.")
        parser.add_argument("--checklist", action="store_true", help="A page to go through before the deploy.")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        targets = targets_of(connection, options["app_label"], options["migration_name"])
        plan = read_plan(connection, targets, stage=options["stage"], with_sql=options["sql"] or options["checklist"])
        if options["format"] == "json":
            more = {"checklist": checklist_as_json(connection, plan)} if options["checklist"] else {}
            self.stdout.write(json.dumps(as_json(connection, plan) | more, indent=2))
        elif options["checklist"]:
            self.stdout.write(checklist(connection, plan))
        else:
            for line in lines(plan, with_sql=options["sql"]):
                self.stdout.write(line)
            if plan:
                self.stdout.write(f"Plan {plan_digest(connection, plan)}")


def targets_of(connection: Any, label: str | None, name: str | None) -> Targets | None:
    """What migrate takes the same words for; CommandError (exit 2) for an app or a migration that there is not."""
    if label is None:
        return None
    loader = MigrationLoader(connection)
    if label not in loader.migrated_apps:
        raise CommandError(f"There is no app {label} with migrations.", returncode=USAGE)
    if name is None:
        return [node for node in loader.graph.leaf_nodes() if node[0] == label]
    if name == "zero":
        return [(label, None)]
    try:
        return [(label, loader.get_migration_by_prefix(label, name).name)]
    except (AmbiguityError, KeyError):
        raise CommandError(f"{name} is not the beginning of one migration of {label}.", returncode=USAGE) from None


def lines(plan: list[PlannedMigration], *, with_sql: bool) -> Iterator[str]:
    if not plan:
        yield "Nothing is pending."
    for position, migration in enumerate(plan):
        yield title(migration)
        for number, step in enumerate(migration.steps, start=1):
            yield f"  {number}. {step.description}: {words(step)}"
            if with_sql and (position == 0 or number == 1):
                yield from sql_lines(step.sql)
        if with_sql and migration.deferred_sql:
            yield "  At the end:"
            yield from sql_lines(migration.deferred_sql)


def title(migration: PlannedMigration) -> str:
    """What is done with a migration, and at which stage where it goes forwards."""
    if migration.backwards:
        return f"Unapply {migration}"
    return f"Apply {migration}, {STAGE_WORDS.get(migration.stage, f'stage {migration.stage}, which is none')}"


def words(step: PlannedStep) -> str:
    """The verdict on a step, in one sentence."""
    lost = f" ({step.loss.what})" if step.loss.kind is not LossClass.NONE else ""
    also = f", {step.loss.kind.value}" if lost and not step.reversible else ""
    blocks = {"yes": "blocks", "no": "does not block", "unknown": "may block"}[step.blocking]
    return f"{step.verdict}{also}{lost}; {blocks}: {', '.join(step.why)}"


def sql_lines(sql: tuple[str, ...] | None) -> Iterator[str]:
    yield from (
        f"     {line}" for statement in ([AT_RUN_TIME] if sql is None else sql) for line in statement.splitlines()
    )


def as_json(connection: Any, plan: list[PlannedMigration]) -> dict[str, Any]:
    return {
        "engine": dialect(connection).name,
        "version": list(connection.get_database_version()),
        "digest": plan_digest(connection, plan),
        "migrations": [
            {
                "app": migration.app_label,
                "name": migration.name,
                "backwards": migration.backwards,
                "stage": migration.stage,
                "atomic": migration.atomic,
                "loss": migration.loss.kind.value,
                "steps": [step_as_json(step) for step in migration.steps],
                "deferred_sql": AT_RUN_TIME if migration.deferred_sql is None else list(migration.deferred_sql),
            }
            for migration in plan
        ],
    }


def checklist_as_json(connection: Any, plan: list[PlannedMigration]) -> list[dict[str, Any]]:
    return [
        {"title": each.title, "known": each.known, "details": list(each.details), "id": each.id, "ticked": each.said}
        for each in read_checklist(connection, plan).items
    ]


def step_as_json(step: PlannedStep) -> dict[str, Any]:
    return {
        **asdict(step),
        "verdict": step.verdict,
        "loss": {**asdict(step.loss), "kind": step.loss.kind.value},
        "sql": AT_RUN_TIME if step.sql is None else list(step.sql),
    }
