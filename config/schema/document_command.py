"""A command that writes a page of the documentation from the models, or says that the page is out of date."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

EXAMPLE = """
examples:
  manage.py {name}            print it
  manage.py {name} --write    write docs/{page}
  manage.py {name} --check    exit 1 where docs/{page} says something else
"""


class DocumentCommand(BaseCommand):
    """It asks no database. A subclass is the command of this name."""

    name: str
    page: str
    """The file in docs/."""
    requires_system_checks: list[str] = []

    def text(self) -> str:
        """The page as the models say it now."""
        raise NotImplementedError

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        epilog = EXAMPLE.format(name=self.name, page=self.page)
        parser = super().create_parser(prog_name, subcommand, epilog=epilog, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--write", action="store_true", help="Write the file instead of printing.")
        what.add_argument("--check", action="store_true", help="Write nothing; fail where the file is not up to date.")
        parser.add_argument("--file", type=Path, default=Path(settings.BASE_DIR) / "docs" / self.page)

    def handle(self, *args: Any, **options: Any) -> None:
        text, file = self.text(), options["file"]
        if options["check"]:
            if not file.exists() or file.read_text() != text:
                raise CommandError(f"{file} is not what the models say: run manage.py {self.name} --write.")
        elif options["write"]:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            self.stderr.write(f"{file} is written.")
        else:
            self.stdout.write(text, ending="")
