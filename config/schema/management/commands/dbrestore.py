"""manage.py dbrestore FILE: put a back-up that dbbackup has made in the place of the database."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.backup.restoring import restore
from config.schema.direct import OnDirectConnection
from config.schema.exits import USAGE
from config.schema.seconds import add_lock_timeout


class Command(OnDirectConnection, BaseCommand):
    help = (
        "Restore a back-up: verify it, load it beside the database, count it, and swap. What was there is kept under "
        "another name. Example: dbrestore var/backups/hub-20261121T030000000000Z-1a2b3c.dump --replace --yes"
    )
    requires_system_checks = ()
    reports_unknown = True
    """The database may have to be made first."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="What dbbackup has made; its manifest beside it.")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--replace", action="store_true", help="Also where there are tables; ends other sessions.")
        parser.add_argument("--yes", action="store_true", help="Do not ask; --replace needs it.")
        parser.add_argument(
            "--from",
            dest="origin",
            default="",
            metavar="DATABASE",
            help="The database that the back-up is of; has to be said where it takes the place of another one.",
        )
        parser.add_argument("--reason", default="", help="Why, for the journal.")
        parser.add_argument("--format", choices=("text", "json"), default="text")
        add_lock_timeout(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["replace"] and not options["yes"]:
            raise CommandError("--replace puts another database in place of this one: say --yes too.", returncode=USAGE)
        restored = restore(
            connections[options["database"]],
            options["file"],
            replace=options["replace"],
            timeout=options["lock_timeout"],
            origin=options["origin"],
            reason=options["reason"],
            say=self.stderr.write,
        )
        manifest = restored.manifest
        if options["format"] == "json":
            said = {"restored": manifest.file, "kept": restored.kept, "ended": restored.ended, "rows": manifest.rows}
            self.stdout.write(json.dumps(said, indent=1))
            return
        self.stdout.write(
            f"Restored {manifest.file} of {manifest.began_at}: {len(manifest.tables)} tables and {manifest.rows} rows, "
            "each table as it was."
        )
        if restored.ended:
            self.stdout.write(f"Ended: {', '.join(restored.ended)}.")
        if restored.kept:
            self.stdout.write(f"What was there is kept as {restored.kept}; drop it when nobody needs it.")
