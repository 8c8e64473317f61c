"""manage.py schema_probe: what the worker does every few minutes to know in which state the schema is."""

import shlex
import sys
import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from config.schema.direct import OnDirectConnection
from config.schema.instances import keep_reporting
from config.schema.management.commands.schema_status import as_json, as_text
from config.schema.probe import probe
from config.schema.recovery import Proposal


class Command(OnDirectConnection, BaseCommand):
    reports_unknown = True
    help = (
        "Look at the schema, store what is found, open a task for each fault and do what a person has approved. Exit "
        "codes as schema_status. Example: schema_probe --watch"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument(
            "--watch", action="store_true", help="Go on, every SCHEMA_PROBE_SECONDS, until it is ended."
        )
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if options["watch"]:
            keep_reporting(using=options["database"])
        while True:
            try:
                found = probe(connection, release=getattr(settings, "RELEASE", "unknown release"), repair=self._repair)
                self.stdout.write(as_json(found) if options["format"] == "json" else as_text(found))
            except DatabaseError as error:
                if not options["watch"]:
                    raise
                self.stderr.write(f"The database went away while it was looked at ({type(error).__name__}); goes on.")
            if not options["watch"]:
                break
            connection.close()
            time.sleep(getattr(settings, "SCHEMA_PROBE_SECONDS", 300))
        if found.state.code:
            sys.exit(found.state.code)

    def _repair(self, proposal: Proposal, by: str) -> None:
        words = shlex.split(proposal.command)
        call_command(*words, reason=f"approved by {by}", lock_timeout=0, stdout=self.stderr, stderr=self.stderr)
