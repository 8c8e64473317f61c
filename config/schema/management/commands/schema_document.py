"""`manage.py schema_document`: what the database is, from the models."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.schema.document import database_document

EXAMPLE = """
examples:
  manage.py schema_document            print it
  manage.py schema_document --write    write docs/database.md
  manage.py schema_document --check    exit 1 where docs/database.md says something else
"""


class Command(BaseCommand):
    help = "Describe every table, column and rule of the database, from the models. It asks no database."
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, epilog=EXAMPLE, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--write", action="store_true", help="Write the file instead of printing.")
        what.add_argument("--check", action="store_true", help="Write nothing; fail where the file is not up to date.")
        parser.add_argument("--file", type=Path, default=Path(settings.BASE_DIR) / "docs" / "database.md")

    def handle(self, *args: Any, **options: Any) -> None:
        text, file = database_document(), options["file"]
        if options["check"]:
            if not file.exists() or file.read_text() != text:
                raise CommandError(f"{file} is not what the models say: run manage.py schema_document --write.")
        elif options["write"]:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            self.stderr.write(f"{file} is written.")
        else:
            self.stdout.write(text, ending="")
