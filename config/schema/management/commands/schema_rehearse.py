"""manage.py schema_rehearse: run the pending plan on a clone of the database, up, down and up again."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.direct import OnDirectConnection
from config.schema.exits import Refused
from config.schema.rehearsal import ALL, PENDING, Rehearsal, rehearse, store
from config.schema.seconds import add_lock_timeout

SLOWEST = 10


class Command(OnDirectConnection, BaseCommand):
    help = (
        "Run the pending migrations on a clone that is restored from a back-up: up, down and up again, with the time "
        "and the lock of each statement. The clone is removed. Example: schema_rehearse --format json"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--all", action="store_true", help="The whole history, on an empty clone.")
        parser.add_argument("--format", choices=("text", "json"), default="text")
        add_lock_timeout(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        rehearsal = rehearse(connection, scope=ALL if options["all"] else PENDING, say=self.stderr.write)
        if rehearsal is None:
            self.stdout.write("null" if options["format"] == "json" else "Nothing is pending.")
            return
        if options["format"] == "json":
            self.stdout.write(json.dumps(rehearsal.as_json(), indent=1))
        else:
            self._show(rehearsal)
        store(connection, rehearsal, options["lock_timeout"], self.stderr.write)
        if not rehearsal.passed:
            raise Refused(
                f"The rehearsal failed: {rehearsal.error or '; '.join(rehearsal.differences)}. Nothing was changed but "
                "a clone that is gone; mend the migration, and rehearse again."
            )

    def _show(self, rehearsal: Rehearsal) -> None:
        for each in rehearsal.passes:
            self.stdout.write(f"{each.direction}: {each.milliseconds} ms, {len(each.statements)} statements")
            for timed in sorted(each.statements, key=lambda timed: -timed.milliseconds)[:SLOWEST]:
                sql = " ".join(timed.sql.split())[:100]
                self.stdout.write(f"  {timed.milliseconds:8.1f} ms  {timed.lock or 'lock unknown'}  {sql}")
        if rehearsal.irreversible:
            self.stdout.write(f"No way back, so it was run up only: {', '.join(rehearsal.irreversible)}")
        if rehearsal.passed:
            same = "" if rehearsal.irreversible else "; the catalogue was the same after each cycle"
            self.stdout.write(f"Passed{same}. Plan {rehearsal.digest}")
