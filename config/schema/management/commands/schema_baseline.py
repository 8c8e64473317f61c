"""manage.py schema_baseline: adopt a database whose tables are there and whose history is not."""

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.baseline import Baseline, read_baseline, record_baseline, refuse_what_differs, way_out
from config.schema.direct import OnDirectConnection
from config.schema.exits import USAGE
from config.schema.lock import lock_of
from config.schema.management.commands.schema_drift import as_script
from config.schema.management.commands.schema_plan import targets_of
from config.schema.seconds import add_lock_timeout
from config.schema.state import counted


class Command(OnDirectConnection, BaseCommand):
    help = (
        "Record the migrations of a database whose tables are as they would have made them; with --apply only, and "
        "only where nothing differs (exit code 4). Example: schema_baseline --apply --reason 'made by hand in 2019'"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app_label", nargs="?", help="This app only, and what it needs.")
        parser.add_argument("migration_name", nargs="?", help="Up to this migration.")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--apply", action="store_true", help="Record them; without this nothing is written.")
        parser.add_argument("--sql", action="store_true", help="Print the script that mends what differs.")
        parser.add_argument("--reason", default="", help="Why, for the journal; --apply needs it.")
        parser.add_argument("--format", choices=("text", "json"), default="text")
        add_lock_timeout(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if options["migration_name"] == "zero":
            raise CommandError("Nothing is recorded up to zero: name a migration.", returncode=USAGE)
        targets = targets_of(connection, options["app_label"], options["migration_name"])
        found = read_baseline(connection, targets)
        differs = bool(found.is_empty or found.differences)
        if options["apply"] and found.migrations and not differs:
            lock = lock_of(connection, say=self.stderr.write)
            said = filter(None, ("--apply", options["app_label"], options["migration_name"]))
            words = {
                "command": "schema_baseline",
                "arguments": " ".join(said),
                "release": lock.claim.release,
                "reason": options["reason"],
            }
            found = record_baseline(lock, targets, options["lock_timeout"], words)
        recorded = bool(options["apply"] and not differs)
        if options["format"] == "json":
            self.stdout.write(json.dumps(as_json(found, recorded=recorded), indent=2))
        elif options["sql"]:
            self.stdout.write("\n".join(as_script(found.differences)))
        else:
            self.stdout.write("\n".join(as_text(found, recorded=recorded)))
        refuse_what_differs(found)


def as_text(found: Baseline, *, recorded: bool) -> list[str]:
    """What differs, else what is or would be recorded."""
    if not found.migrations:
        return ["All of these migrations are recorded; nothing is to be done."]
    if found.is_empty or found.differences:
        return [f"{each.kind}: {each.words} {way_out(each)}" for each in found.differences]
    compared = counted(len(found.tables), "table is", "tables are")
    lines = [f"{compared} as the migrations would have made them."]
    lines += [f"  {each}" for each in found.migrations]
    if found.unseen:
        names = ", ".join(map(str, found.unseen))
        lines.append(f"Whether their code was run on the rows, no catalogue tells; look yourself: {names}")
    count = counted(len(found.migrations), "migration", "migrations")
    lines.append(f"Recorded {count}." if recorded else f"{count} would be recorded: say --apply with a --reason.")
    return lines


def as_json(found: Baseline, *, recorded: bool) -> dict[str, Any]:
    return {
        "recorded": recorded,
        "migrations": [str(each) for each in found.migrations],
        "unseen_code": [str(each) for each in found.unseen],
        "tables": list(found.tables),
        "differences": [{**dataclasses.asdict(each), "advice": way_out(each)} for each in found.differences],
    }
