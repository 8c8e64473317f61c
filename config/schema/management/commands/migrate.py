"""manage.py migrate: Django's own, as the one runner of a database at a time."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db import connections

from config.schema.lock import SchemaLock
from config.schema.runner import one_runner


class Command(migrate.Command):
    help = f"{migrate.Command.help} One process at a time changes a database; others wait, and then find it done."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--lock-timeout",
            type=float,
            metavar="SECONDS",
            default=getattr(settings, "SCHEMA_LOCK_TIMEOUT", 60),
            help="How long to wait for another process that changes the schema; 0: not at all (exit code 3).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        lock = SchemaLock(
            connections[options["database"]],
            release=getattr(settings, "RELEASE", "unknown release"),
            pool=getattr(settings, "SCHEMA_POOL", ""),
            say=self.stderr.write,
        )
        only_reads = options["plan"] or options["check_unapplied"]
        at_once = not only_reads and bool(options["prune"] or options["run_syncdb"])
        timeout = options["lock_timeout"]
        with one_runner(lock, timeout, at_once=at_once, only_reads=only_reads):
            super().handle(*args, **options)
