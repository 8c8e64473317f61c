"""manage.py verify_evidence: whether evidence is as it was sealed."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from config.refusals import Refusal
from config.schema.direct import reach
from config.schema.exits import ERROR, USAGE
from config.schema.told import ErrorsInFormat
from failover.evidence import differences_of, faults_of
from failover.models import FailoverJob

EXAMPLES = """\
examples:
  manage.py verify_evidence evidence.json
  manage.py verify_evidence evidence.json --head 5f1c...   compare with the head that was printed
  manage.py verify_evidence evidence.json --database       and with what the database says now

exit code: 0 it is as it was sealed; 1 it is not, or the database says something else; 2 it cannot be read, is no
evidence, or its key is not set.
"""


class Command(ErrorsInFormat, BaseCommand):
    help = "Verify the evidence of a failover: that no entry was changed, added or taken away since it was sealed."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--head", help="the head of the chain, as it was printed when the evidence was issued")
        parser.add_argument("--database", action="store_true", help="compare it with the job and its events as well")

    def handle(self, *args: Any, **options: Any) -> None:
        file = options["file"]
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            faults = faults_of(document)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.", returncode=USAGE) from None
        except (ValueError, RecursionError):
            raise CommandError(f"{file} is no JSON: name the file that evidence wrote.", returncode=USAGE) from None
        except Refusal as refusal:
            raise CommandError(f"{file}: {refusal}", returncode=USAGE) from None
        if not faults and options["head"] not in (None, document["head"]):
            faults = ["It has another head than the one given: it is evidence, but not that one."]
        if not faults and options["database"]:
            faults = self.differences(document)
        if faults:
            raise CommandError(f"{file}: {' '.join(faults)}", returncode=ERROR)
        self.stdout.write(f"{file} is as it was sealed: head {document['head']}")

    def differences(self, document: dict[str, Any]) -> list[str]:
        reach(connection)
        job_id = document["chain"][1]["entry"]["scope"]["job_id"]
        job = FailoverJob.objects.filter(job_id=job_id).first()
        return [f"The database has no job {job_id} any more."] if job is None else differences_of(document, job)
