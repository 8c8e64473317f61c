"""manage.py schema_wait: wait until the schema is ready for this code, as a container does before it serves."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.direct import OnDirectConnection
from config.schema.management.commands.schema_status import as_json, as_text
from config.schema.seconds import seconds
from config.schema.state import State, read_state

POLL_SECONDS = 0.5


class Command(OnDirectConnection, BaseCommand):
    reports_unknown = True
    help = (
        "Wait until every migration of this code is applied; out of time, exit with the code of the state last seen. "
        "Example: schema_wait --timeout 300"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--timeout", type=seconds, default=60, metavar="SECONDS")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        until = time.monotonic() + options["timeout"]
        told, shown = None, as_json if options["format"] == "json" else as_text
        while (found := read_state(connection)).state is not State.READY:
            if time.monotonic() >= until:
                (self.stderr if shown is as_text else self.stdout).write(shown(found))
                sys.exit(found.state.code)
            if found.state is not told:
                told = found.state
                self.stderr.write(f"Waiting: {as_text(found)}")
            connection.close()
            time.sleep(POLL_SECONDS)
        self.stdout.write(shown(found))
