"""manage.py rollback: take back what was applied last, after showing what that would lose."""

import json
import sys
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration

from config.schema.direct import OnDirectConnection
from config.schema.exits import USAGE, Refused
from config.schema.loss import LossClass
from config.schema.management.commands.schema_plan import as_json, lines, targets_of
from config.schema.plan import PlannedMigration, read_plan_back
from config.schema.reason import add_reason
from config.schema.rollback import back_to, newest_applied
from config.schema.seconds import add_lock_timeout


class Command(OnDirectConnection, BaseCommand):
    help = (
        "Take back the last migration, or the last N, or all after a migration of an app; says first what is lost. "
        "Example: rollback 2, rollback inventory 0009, rollback inventory zero"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", nargs="*", metavar="N | APP NAME", help="How many; or the migration to go back to.")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--yes", action="store_true", help="Do not ask.")
        parser.add_argument("--yes-lose-data", action="store_true", help="Also where rows or values would be lost.")
        parser.add_argument(
            "--expect", metavar="PLAN", default="", help="Take back these and no other: the digest of --format json."
        )
        add_reason(parser)
        parser.add_argument("--format", choices=("text", "json"), default="text")
        add_lock_timeout(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        planned = read_plan_back(connection, migrations_of(connection, options["what"]))
        self._show(connection, planned, options)
        if not planned:
            return
        refuse_what_cannot_be(planned, may_lose_data=options["yes_lose_data"])
        if not options["yes"] and not self._agreed():
            raise Refused("Nothing was done; say --yes to take back what is listed above.")
        call_command(
            "migrate",
            back=tuple((each.app_label, each.name) for each in planned),
            database=options["database"],
            loses=any(each.loss.kind is not LossClass.NONE for each in planned),
            allow_destructive=options["yes_lose_data"],
            expect=options["expect"],
            reason=options["reason"],
            lock_timeout=options["lock_timeout"],
            verbosity=0,
            stdout=self.stderr if options["format"] == "json" else self.stdout,
            stderr=self.stderr,
        )

    def _show(self, connection: Any, planned: list[PlannedMigration], options: dict[str, Any]) -> None:
        if options["format"] == "json":
            self.stdout.write(json.dumps(as_json(connection, planned), indent=2))
            return
        for line in lines(planned, with_sql=False) if planned else ["Nothing is applied after it."]:
            self.stdout.write(line)
        app = options["what"][0] if len(options["what"]) == 2 else None
        if dragged := [str(each) for each in planned if app and each.app_label != app]:
            self.stdout.write(f"Taken back with it, as it depends on it: {', '.join(dragged)}")
        lost = dict.fromkeys(each.loss.what for each in planned if each.loss.kind is not LossClass.NONE)
        if planned:
            self.stdout.write(f"Lost: {'; '.join(lost) or 'nothing'}")

    def _agreed(self) -> bool:
        if not sys.stdin.isatty():
            return False
        self.stdout.write("Take this back? Type yes: ", ending="")
        self.stdout.flush()
        return sys.stdin.readline().strip().lower() == "yes"


def migrations_of(connection: Any, what: list[str]) -> list[Migration]:
    """The migrations that these words mean, newest first. CommandError (exit 2) for words without meaning."""
    executor = MigrationExecutor(connection)
    executor.loader.check_consistent_history(connection)
    match what:
        case [] | [_]:
            count = what[0] if what else "1"
            if not count.isdecimal() or int(count) < 1:
                raise CommandError(f"{count} is no number of migrations; say rollback N or APP NAME.", returncode=USAGE)
            return newest_applied(executor, int(count))
        case [app_label, name]:
            ((app_label, key),) = targets_of(connection, app_label, name) or ()
            return back_to(executor, app_label, key)
        case _:
            raise CommandError("Say how many, or an app and one of its migrations (or zero).", returncode=USAGE)


def refuse_what_cannot_be(planned: list[PlannedMigration], *, may_lose_data: bool) -> None:
    """Raise Refused for what has no way back, by name, and for what would be lost unless that is allowed."""
    stuck = [f"{each} ({step.description})" for each in planned for step in each.steps if not step.reversible]
    if stuck:
        raise Refused(f"There is no way back from {', '.join(stuck)}; restore a back-up instead.")
    lost = [f"{each}: {each.loss.what}" for each in planned if each.loss.kind is not LossClass.NONE]
    if lost and not may_lose_data:
        raise Refused(f"This loses or may lose data: {'; '.join(lost)}. Take a back-up, then say --yes-lose-data.")
