"""`manage.py jobs_document`: the states of jobs and the moves between them, from where they are declared."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.jobs.states import states_document


class Command(BaseCommand):
    help = "Describe the states of every kind of job. It asks no database. Example: jobs_document --write"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--write", action="store_true", help="Write the file instead of printing.")
        what.add_argument("--check", action="store_true", help="Write nothing; fail where the file is not up to date.")
        parser.add_argument("--file", type=Path, default=Path(settings.BASE_DIR) / "docs" / "states.md")

    def handle(self, *args: Any, **options: Any) -> None:
        text, file = states_document(), options["file"]
        if options["check"]:
            if not file.exists() or file.read_text() != text:
                raise CommandError(f"{file} is not what the models say: run manage.py jobs_document --write.")
        elif options["write"]:
            file.write_text(text)
            self.stderr.write(f"{file} is written.")
        else:
            self.stdout.write(text, ending="")
