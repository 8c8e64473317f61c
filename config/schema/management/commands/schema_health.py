"""manage.py schema_health: the health of a database as the endpoint tells it to staff."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.direct import OnDirectConnection
from config.schema.health import check_health
from config.schema.state import State


class Command(OnDirectConnection, BaseCommand):
    reports_unknown = True
    help = "Say whether the database is healthy; exit codes as schema_status. Example: schema_health --format json"
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        found = check_health(options["database"])
        if options["format"] == "json":
            self.stdout.write(json.dumps(found, indent=2))
        else:
            advice = zip(found.pop("issues"), found.pop("recommendations"), strict=True)
            lines = [f"{name}: {'unknown' if value is None else value}" for name, value in found.items()]
            self.stdout.write("\n".join([*lines, *(f"  {issue} {way}" for issue, way in advice)]))
        if code := State(found["state"]).code:
            sys.exit(code)
