"""manage.py dbbackup: one file of the whole database, and beside it what the file holds."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.backup.taking import backup_folder, take_backup_of_one_shape
from config.schema.direct import OnDirectConnection
from config.schema.seconds import add_lock_timeout


class Command(OnDirectConnection, BaseCommand):
    help = (
        "Back the database up into a new file of BACKUP_DIR, with a manifest beside it; waits for who changes the "
        "schema. Example: dbbackup"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--format", choices=("text", "json"), default="text")
        add_lock_timeout(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        file, manifest = take_backup_of_one_shape(
            connection, backup_folder(), timeout=options["lock_timeout"], say=self.stderr.write
        )
        if options["format"] == "json":
            self.stdout.write(json.dumps({"path": str(file), **asdict(manifest)}, indent=1))
            return
        self.stdout.write(f"{file} ({manifest.size} bytes, {len(manifest.tables)} tables, {manifest.rows} rows)")
        self.stdout.write(f"SHA-256 {manifest.sha256}")
