"""`manage.py seed`: make the demonstration estate, or remove it."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.models import Model

from config.demo.ledger import count_of
from config.demo.models import SeededRow
from config.schema.told import ErrorsInFormat
from config.staff.survey import take_survey

REFUSED = 4
NOTHING = {"added": "Nothing to add: the estate is there already.", "removed": "Nothing to remove: nothing is seeded."}
EXAMPLE = """
examples:
  manage.py seed                 the estate that a new developer looks at
  manage.py seed --vms 10000     the same with 10,000 VMs in all
  manage.py seed --vms 10000 --runs 100 --points 50
                                 and 1,000,000 earlier runs, 500,000 restore points, 5,400,000 events (minutes)
  manage.py seed --clear         remove exactly what was seeded
"""


class Command(ErrorsInFormat, BaseCommand):
    help = "Fill the database with a demonstration estate, or remove it again. A second run adds only what is missing."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, epilog=EXAMPLE, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--vms", type=int, metavar="N", help="How many VMs in all; at least the ten named ones.")
        parser.add_argument("--runs", type=int, default=0, metavar="N", help="Earlier runs of each VM of the fleet.")
        parser.add_argument("--points", type=int, default=0, metavar="N", help="Its restore points.")
        parser.add_argument("--seed", type=int, default=1, metavar="S", help="The same one gives the same identifiers.")
        parser.add_argument("--clear", action="store_true", help="Remove exactly what was seeded, the users first.")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.ENVIRONMENT != "development":
            raise CommandError(
                f"ENVIRONMENT is {settings.ENVIRONMENT}: the demonstration estate is for development only.",
                returncode=REFUSED,
            )
        try:
            if SeededRow._meta.db_table not in connection.introspection.table_names():
                raise CommandError("The database has no tables yet: run manage.py migrate first.")
            self.clear(options) if options["clear"] else self.seed(options)
        except (DatabaseError, ValidationError) as error:
            detail = "; ".join(error.messages) if isinstance(error, ValidationError) else str(error).split("\n")[0]
            raise CommandError(f"Nothing was changed, because the database refused: {detail}") from error

    def seed(self, options: dict[str, Any]) -> None:
        try:
            from config.demo.estate import DEFAULT_VMS, NAMED_VMS, make_estate
            from config.demo.history import add_history
        except ModuleNotFoundError as error:
            if error.name not in ("factory", "faker"):
                raise
            raise CommandError(f"seed needs {error.name}: install recovery-hub[demo].") from error
        vms = DEFAULT_VMS if options["vms"] is None else options["vms"]
        if vms < NAMED_VMS:
            raise CommandError(f"--vms is {vms}: the {NAMED_VMS} named VMs are always made.", returncode=2)
        seeded = make_estate(vms, options["seed"], self.progress)
        more = add_history(options["runs"], options["points"], self.progress)
        take_survey()
        history = {"history": more} if more else {}
        self.report("added", seeded.added, options, username=seeded.username, password=seeded.password, **history)
        if options["format"] == "json":
            return
        if more:
            self.stdout.write(f"The fleet has {more:,} rows of history.")
        if seeded.password:
            self.stdout.write(f"Sign in as {seeded.username} with the password {seeded.password}")
        else:
            self.stdout.write(
                "The password was printed when the users were made; manage.py changepassword admin sets a new one."
            )

    def clear(self, options: dict[str, Any]) -> None:
        from config.demo.clearing import StillNeeded, clear_estate
        from config.demo.history import clear_history

        if gone := clear_history():
            self.progress(f"{gone:,} jobs of history removed")
        try:
            self.report("removed", clear_estate(), options)
        except StillNeeded as error:
            raise CommandError(str(error)) from error

    def report(self, done: str, rows: Counter[type[Model]], options: dict[str, Any], **more: Any) -> None:
        if options["format"] == "json":
            document = {done: {model._meta.label_lower: count for model, count in rows.items()}, **more}
            self.stdout.write(json.dumps(document, indent=2))
        elif not rows:
            self.stdout.write(NOTHING[done])
        else:
            self.stdout.write(f"{done.capitalize()} {rows.total():,} rows:")
            for model, count in rows.items():
                self.stdout.write(f"  {count_of(model, count)}")

    def progress(self, stage: str) -> None:
        self.stderr.write(f"seed: {stage}", style_func=str)
