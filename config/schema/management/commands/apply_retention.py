"""manage.py apply_retention: make the months ahead, and let go of what is no longer kept."""

import json
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.direct import OnDirectConnection
from config.schema.keeping import Step, applied, planned, rules
from config.schema.lock import lock_of
from config.schema.seconds import add_lock_timeout

PAST = {"make": "made", "drop": "dropped", "delete": "deleted"}
FUTURE = {"make": "would make", "drop": "would drop", "delete": "would delete"}


class Command(OnDirectConnection, BaseCommand):
    help = (
        "Make the months ahead of tables that are partitioned by month, drop the months that are no longer kept, and "
        "delete other old rows in batches. Says what and why, counted, and does it with --apply. "
        "Example: apply_retention --apply"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        does = parser.add_mutually_exclusive_group()
        does.add_argument("--apply", action="store_true", help="Do it.")
        does.add_argument(
            "--dry-run", action="store_true", help="Only say what would be done: so without --apply, too."
        )
        parser.add_argument("--format", choices=("text", "json"), default="text")
        add_lock_timeout(parser, help="How long the schema lock and each table may be waited for.")

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        is_dry = not options["apply"]
        steps = planned(connection, rules()) if is_dry else self._applied(connection, options["lock_timeout"])
        done = []
        for step in steps:
            done.append(step)
            # At once, as what follows may be refused.
            said = as_text(step, FUTURE if is_dry else PAST)
            (self.stdout if options["format"] == "text" else self.stderr).write(said)
        if options["format"] == "json":
            self.stdout.write(json.dumps({"dry_run": is_dry, "steps": [as_json(step) for step in done]}))
        elif not done:
            self.stdout.write("Nothing to do: the months ahead are made, and nothing is older than is kept.")
        elif is_dry:
            self.stdout.write("Nothing was done; say --apply to do it.")

    def _applied(self, connection: Any, timeout: float) -> Iterator[Step]:
        words = {
            "command": "apply_retention",
            "arguments": "",
            "release": getattr(settings, "RELEASE", "unknown release"),
            "reason": "",
        }
        return applied(lock_of(connection, say=self.stderr.write), rules(), timeout=timeout, words=words)


def as_text(step: Step, verbs: dict[str, str]) -> str:
    moved = " moved into it" if step.what == "make" else ""
    rows = f"{step.rows:,} row{'' if step.rows == 1 else 's'}{moved}"
    return f"{step.table}: {verbs[step.what]} {step.subject}, {rows}; {step.why}."


def as_json(step: Step) -> dict[str, Any]:
    return {
        "table": step.table,
        "what": step.what,
        "subject": step.subject,
        "rows": step.rows,
        "why": step.why,
    }
