"""`manage.py schema_check`: what CI runs over the migrations."""

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import Error

from config.schema.dialects import NAMES
from config.schema.direct import OnDirectConnection, reach
from config.schema.exits import USAGE, Refused, Unreachable
from config.schema.journal import recorded_digests
from config.schema.lint import ERROR, WARNING, Finding, check
from config.schema.lint.sizes import SMALL_ROWS, is_small


class Command(OnDirectConnection, BaseCommand):
    reports_unknown = True
    help = (
        "Check the migrations: exit 0 when nothing is found, 4 when something is, at the level of --fail-on. "
        "Example: schema_check inventory --engine postgresql"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("app_label", nargs="*", help="These apps only; by default all that are not Django's own.")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections), help="Whose history.")
        parser.add_argument(
            "--engine", nargs="+", choices=NAMES, default=NAMES, help="Judge the cost on these engines; default: all."
        )
        parser.add_argument(
            "--any-size",
            action="store_true",
            help=f"Warn of what blocks tables that hold fewer than {SMALL_ROWS:,} rows in this database, too.",
        )
        parser.add_argument("--format", choices=("text", "json"), default="text")
        parser.add_argument("--fail-on", choices=(ERROR, WARNING), default=ERROR, help="The lowest level that fails.")

    def handle(self, *args: Any, **options: Any) -> None:
        for label in options["app_label"]:
            if label not in apps.app_configs:
                raise CommandError(f"There is no app {label}: name the label of an installed one.", returncode=USAGE)
        recorded = self.recorded(options["database"])
        # A database that does not answer tells no sizes, and what is unknown may be large.
        asks = recorded is not None and not options["any_size"]
        small = partial(is_small, connections[options["database"]]) if asks else lambda table: False
        findings = check(options["app_label"], engines=options["engine"], recorded=recorded or {}, is_small=small)
        if options["format"] == "json":
            asked = {"history_read": recorded is not None, "engines": list(options["engine"])}
            self.stdout.write(json.dumps({**asked, "findings": [each.as_json() for each in findings]}, indent=2))
        else:
            self.tell(findings)
        failing = [each for each in findings if each.level in (ERROR, options["fail_on"])]
        if failing:
            raise Refused(f"{len(failing)} findings: mend them, or silence each in its migration with a reason.")

    def recorded(self, alias: str) -> Mapping[tuple[str, str], str] | None:
        """The digests of what is applied; None where the database does not answer, which the file rules do not need."""
        try:
            connection = connections[alias]
            reach(connection)
            applied = MigrationRecorder(connection).applied_migrations()
            return {key: digest for key, digest in recorded_digests(connection).items() if key in applied}
        except Unreachable as error:
            self.stderr.write(f"Edits of applied migrations are not looked for. {error}")
            return None
        except (Error, ImproperlyConfigured):
            self.stderr.write("The database does not answer, so edits of applied migrations are not looked for.")
            return None

    def tell(self, findings: list[Finding]) -> None:
        for finding in findings:
            self.stdout.write(str(finding))
        if not findings:
            self.stdout.write("Nothing found.")
