"""manage.py check_integrity: the rows that break a rule which no constraint holds, and the way out of each."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from config.schema.direct import reach
from config.schema.told import ErrorsInFormat
from inventory.integrity import all_broken

BROKEN = 4


class Command(ErrorsInFormat, BaseCommand):
    help = (
        "Look for rows that break a rule over several rows or tables, whoever wrote them. It only reads, and exits 4 "
        "where it finds one. Example: check_integrity --format json"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        reach(connection)
        found = list(all_broken())
        if options["format"] == "json":
            self.stdout.write(json.dumps({"broken": [asdict(each) for each in found]}, indent=2))
        else:
            for each in found:
                self.stdout.write(f"{each.invariant} {each.subject}: {each.sentence} {each.way_out}")
            self.stdout.write("No rule is broken." if not found else f"{len(found)} rows break a rule.")
        if found:
            raise SystemExit(BROKEN)
