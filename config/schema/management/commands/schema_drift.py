"""manage.py schema_drift: where the models, the migrations, their records and the live catalogue differ."""

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor

from config.schema.dialects import dialect
from config.schema.direct import OnDirectConnection
from config.schema.drift import (
    Difference,
    applied_differences,
    history_differences,
    migrations_ahead,
    model_differences,
)
from config.schema.exits import USAGE, Refused
from config.schema.state import counted

BEFORE_SQL = """\
-- Read it before you run it, and have a back-up. Each statement by itself, in this order, outside a transaction, and
-- stop at the first error: psql -v ON_ERROR_STOP=1, sqlite3 -bail; mariadb does so by itself.
"""


class Command(OnDirectConnection, BaseCommand):
    help = (
        "Compare the models, the migrations, what is recorded of them and the live catalogue. Exit codes: 0 no "
        "difference, 4 differences, 6 the database cannot be asked. Example: schema_drift --sql inventory"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app_label", nargs="*", help="These apps only; by default all.")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--format", choices=("text", "json"), default="text")
        parser.add_argument("--sql", action="store_true", help="Print a script that mends it; nothing is run.")

    def handle(self, *args: Any, **options: Any) -> None:
        labels = set(options["app_label"])
        for label in labels - {*apps.app_configs}:
            raise CommandError(f"There is no app {label}: name the label of an installed one.", returncode=USAGE)
        connection = connections[options["database"]]
        executor = MigrationExecutor(connection)
        found = differences(connection, executor, labels)
        is_changing = dialect(connection).lock.is_taken(connection)
        ahead = [f"{app}.{name}" for app, name in migrations_ahead(executor.loader) if not labels or app in labels]
        if is_changing:
            self.stderr.write("The schema is being changed now: what is half done is a difference, too.")
        if options["format"] == "json":
            shown = {
                "differences": [{**dataclasses.asdict(each), "advice": each.advice} for each in found],
                "ahead": ahead,
            }
            self.stdout.write(json.dumps(shown, indent=2))
        else:
            self.stdout.write("\n".join(as_script(found) if options["sql"] else as_text(found)))
            if ahead:
                apps_ahead = ", ".join(sorted({each.partition(".")[0] for each in ahead}))
                self.stderr.write(f"A newer release has migrated {apps_ahead}: there only missing tables are told.")
        if found:
            words = counted(len(found), "difference", "differences")
            raise Refused(f"{words}: mend each, or write the migration that knows it.")


def differences(connection: Any, executor: MigrationExecutor, labels: set[str]) -> list[Difference]:
    """All differences of these apps, by default of all: of the models, the history and the catalogue."""
    history = [
        each
        for each in history_differences(connection, executor.loader)
        if not labels or each.name is None or each.name.partition(".")[0] in labels
    ]
    return [*model_differences(labels), *history, *applied_differences(connection, executor, labels=labels)]


def as_text(found: Iterable[Difference]) -> list[str]:
    """One line for each difference."""
    return [f"{each.kind}: {each.words} {each.advice}" for each in found] or ["No difference."]


def as_script(found: Iterable[Difference]) -> Iterator[str]:
    """The statements, each with the words of what it mends; what several differences have in common once."""
    yield BEFORE_SQL
    said = set()
    for each in found:
        yield f"-- {each.words}" if each.sql else f"-- {each.words} {each.advice}"
        if each.sql not in said:
            said.add(each.sql)
            yield from (f"{statement};" for statement in each.sql)
