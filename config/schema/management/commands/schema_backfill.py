"""manage.py schema_backfill: how far the backfills of a database came; pauses one, wherever it runs, and resumes it."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.backfill import (
    fraction,
    open_backfills,
    pause,
    rate,
    read_backfills,
    resume,
    seconds_left,
    standing,
    way_on,
    words_of,
)
from config.schema.direct import OnDirectConnection
from config.schema.exits import USAGE, Refused
from config.schema.journal import caller


class Command(OnDirectConnection, BaseCommand):
    help = (
        "List the backfills, the newest first; or pause one, in whichever process it runs, or let it go on with the "
        "next migrate. Example: schema_backfill --pause 3"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        steer = parser.add_mutually_exclusive_group()
        steer.add_argument("--pause", metavar="BACKFILL", help="Its number or its name: it ends within one batch.")
        steer.add_argument("--resume", metavar="BACKFILL", help="Its number or its name: the next migrate goes on.")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        self.connection = connections[options["database"]]
        self.rows = read_backfills(self.connection)
        if options["pause"] is not None:
            row = self._named(options["pause"])
            self._refuse_ended(row, pause(self.connection, row, by=caller()))
            self._tell(
                row, f"{row} is paused; a run that fills ends within one batch. {way_on(row)}", options["format"]
            )
        elif options["resume"] is not None:
            row = self._named(options["resume"])
            self._refuse_ended(row, resume(self.connection, row))
            said = "schema_recover --apply" if row.backwards else "migrate"
            self._tell(row, f"{row} may go on: say {said}.", options["format"])
        elif options["format"] == "json":
            self.stdout.write(json.dumps([as_json(row) for row in self.rows]))
        else:
            for row in self.rows:
                self.stdout.write(f"{row.pk}  {row.app}.{row.migration}  {words_of(row)}")
            if not self.rows:
                self.stdout.write("No backfill was begun in this database.")

    def _tell(self, row: Any, words: str, how: str) -> None:
        now = next((each for each in read_backfills(self.connection) if each.pk == row.pk), row)
        self.stdout.write(json.dumps(as_json(now)) if how == "json" else words)

    def _named(self, said: str) -> Any:
        """The one of this number, else the one of this name that is begun and not ended."""
        unfinished = {row.pk for row in open_backfills(self.connection)}
        found = [row for row in self.rows if said == str(row.pk)]
        found = found or [row for row in self.rows if said == row.name and row.pk in unfinished]
        if len(found) != 1:
            what = "several backfills have this name" if found else "no unfinished backfill has this number or name"
            raise CommandError(f"{said}: {what}; schema_backfill lists their numbers.", returncode=USAGE)
        return found[0]

    def _refuse_ended(self, row: Any, changed: bool) -> None:
        if not changed:
            raise Refused(f"{row} has ended, so nothing was changed; schema_backfill shows how each ended.")


def as_json(row: Any) -> dict[str, Any]:
    """What is known of a backfill; null is what nobody knows."""
    return {
        "id": row.pk,
        "name": row.name,
        "migration": f"{row.app}.{row.migration}",
        "backwards": row.backwards,
        "state": standing(row),
        "rows_filled": row.filled,
        "rows_gone_through": row.seen,
        "rows_estimated": row.total,
        "fraction": fraction(row),
        "rows_per_second": rate(row),
        "seconds_left": seconds_left(row),
        "started_at": row.started_at.isoformat(),
        "last_at": row.last_at.isoformat(),
    }
