"""manage.py schema_dump: the shape of a database as a text that is alike wherever the shape is."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.direct import OnDirectConnection
from config.schema.dump import dump_difference, schema_dump
from config.schema.exits import USAGE, Refused


class Command(OnDirectConnection, BaseCommand):
    help = (
        "Print the shape of the database, without its rows: the same bytes for the same shape. With --check, compare "
        "it with one that was kept: exit code 4 where it differs. Example: schema_dump --check schema.sql"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--format", choices=("text", "json"), default="text")
        parser.add_argument("--check", type=Path, metavar="FILE", help="Compare with what was printed before.")

    def handle(self, *args: Any, **options: Any) -> None:
        kept = _read(options["check"]) if options["check"] else None
        live = schema_dump(connections[options["database"]], options["format"])
        if kept is None:
            self.stdout.write(live, ending="")
        elif difference := dump_difference(kept, live, str(options["check"])):
            self.stdout.write(difference)
            raise Refused(
                f"The database is not as {options['check']} says: mend it (schema_drift --sql says how), or keep "
                "what schema_dump prints now."
            )
        else:
            self.stdout.write(f"The database is as {options['check']} says.")


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(
            f"{file} cannot be read ({type(error).__name__}): name a file that schema_dump has written.",
            returncode=USAGE,
        ) from None
