"""manage.py schema_instances: which processes serve, of which release; and one that reports itself."""

import json
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.direct import OnDirectConnection
from config.schema.instances import Heartbeat, live_instances, own_release, report


class Command(OnDirectConnection, BaseCommand):
    help = (
        "Show which processes serve now, and of which release: migrate --stage after waits until no other release "
        "does. Example: schema_instances --format json"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--report", action="store_true", help="Report this process, for one lease.")
        parser.add_argument("--watch", action="store_true", help="With --report: go on until it is ended.")
        parser.add_argument("--release", default="", help="With --report: of this release, not that of this code.")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["report"]:
            self._report(options["release"], options["database"], watch=options["watch"])
            return
        rows = live_instances(connections[options["database"]])
        if options["format"] == "json":
            self.stdout.write(json.dumps([_as_json(row) for row in rows], indent=2))
            return
        for row in rows:
            self.stdout.write(f"{row}, lease until {row.lease_until:%Y-%m-%d %H:%M:%S} UTC")
        if not rows:
            self.stdout.write("No process has reported itself within its lease.")

    def _report(self, release: str, using: str, *, watch: bool) -> None:
        if not watch:
            told = report(release, using=using)
            self.stdout.write(f"Reported: release {release or own_release()}." if told else "Not reported.")
            return
        heartbeat = Heartbeat(release, using=using)
        heartbeat.start()
        try:
            threading.Event().wait()
        finally:
            heartbeat.stop()


def _as_json(row: Any) -> dict[str, Any]:
    return {
        "release": row.release,
        "host": row.host,
        "pid": row.pid,
        "started_at": row.started_at.isoformat(),
        "reported_at": row.reported_at.isoformat(),
        "lease_until": row.lease_until.isoformat(),
    }
