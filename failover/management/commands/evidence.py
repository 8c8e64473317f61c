"""manage.py evidence: the sealed report of a failover that is over."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from config.refusals import Refusal
from config.schema.direct import reach
from config.schema.exits import REFUSED, USAGE
from config.schema.told import ErrorsInFormat
from failover.evidence import as_html, evidence_of
from failover.models import FailoverJob

EXAMPLES = """\
examples:
  manage.py evidence test-failover-4205a841-1755530108-0a1b2c3d4e5f --output evidence.json
  manage.py evidence test-failover-4205a841-1755530108-0a1b2c3d4e5f --format html --output evidence.html

exit code: 0 it was written; 2 there is no such failover job; 4 it is not over yet, or EVIDENCE_KEY is not set.
"""


class Command(ErrorsInFormat, BaseCommand):
    help = "Write the sealed evidence of a failover that is over, and print the head of its chain."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", help="the public id of the failover job")
        parser.add_argument("--format", choices=("json", "html"), default="json")
        parser.add_argument("--output", type=Path, help="the file to write; without it the report goes to stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        reach(connection)
        job = FailoverJob.objects.filter(job_id=options["job"]).first()
        if job is None:
            raise CommandError(f"There is no failover job {options['job']}.", returncode=USAGE)
        try:
            document = evidence_of(job)
        except Refusal as refusal:
            raise CommandError(str(refusal), returncode=REFUSED) from None
        text = as_html(document) if options["format"] == "html" else json.dumps(document, indent=2)
        if options["output"] is None:
            self.stdout.write(text)
        else:
            try:
                options["output"].write_text(text, encoding="utf-8")
            except OSError as error:
                reason = f"{options['output']} cannot be written: {error.strerror}."
                raise CommandError(reason, returncode=USAGE) from None
        self.stderr.write(f"head {document['head']}", style_func=str)
