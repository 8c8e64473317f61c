"""manage.py schema_status: in which state the schema of a database is."""

import dataclasses
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.direct import OnDirectConnection
from config.schema.state import SchemaState, counted, read_state


class Command(OnDirectConnection, BaseCommand):
    reports_unknown = True
    help = (
        "Say in which state the schema is, and who changes it now. Exit codes: 0 ready, 3 being changed, "
        "4 pending or drifted, 5 interrupted, 6 unknown. Example: schema_status --format json"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        found = read_state(connections[options["database"]])
        self.stdout.write(as_json(found) if options["format"] == "json" else as_text(found))
        if found.state.code:
            sys.exit(found.state.code)


def as_json(found: SchemaState) -> str:
    """All that is known, and the state."""
    issues = [{**dataclasses.asdict(issue), "state": issue.state and issue.state.value} for issue in found.issues]
    return json.dumps({"state": found.state.value, **dataclasses.asdict(found), "issues": issues}, indent=2)


def as_text(found: SchemaState) -> str:
    """The state and its reasons, one line each."""
    lines = [f"{found.database}: {found.state.value}"]
    lines += [f"  {issue.words} {issue.recommendation}" for issue in found.issues]
    if found.applied or found.pending or found.after_deploy:
        applied = counted(len(found.applied), "migration", "migrations")
        late = f", {len(found.after_deploy)} after the deploy" if found.after_deploy else ""
        lines.append(f"  {applied} applied, {len(found.pending)} pending{late}")
    if found.ahead:
        words = counted(len(found.ahead), "applied one is", "applied ones are")
        lines.append(f"  {words} unknown to this code, which is older than the database; their apps are not compared")
    return "\n".join(lines)
