"""`manage.py resetdb`: drop all tables, migrate, seed; for development only."""

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS, connections

from config.demo.models import SeededRow
from config.schema.direct import OnDirectConnection
from config.schema.emptying import drop_all, tables_to_drop
from config.schema.exits import Refused
from config.schema.lock import lock_of
from config.schema.seconds import add_lock_timeout
from config.schema.waits import limited
from inventory.models import VMContext


class Command(OnDirectConnection, BaseCommand):
    help = (
        "Drop every table of the database, migrate it and seed it; for development only. Says first what it destroys, "
        "counted. Example: resetdb --yes"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--yes", action="store_true", help="Do not ask; without a terminal nothing is done else.")
        parser.add_argument("--yes-lose-data", action="store_true", help="Also where there are VMs that nobody seeded.")
        parser.add_argument("--host", default="", help="The host of the database, where it is not this machine.")
        parser.add_argument("--no-seed", action="store_true", help="Leave the tables empty.")
        add_lock_timeout(parser)

    def creates(self, options: Mapping[str, Any]) -> bool:
        return True

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.ENVIRONMENT != "development":
            raise Refused(f"ENVIRONMENT is {settings.ENVIRONMENT}: a database is only reset in development.")
        connection = connections[DEFAULT_DB_ALIAS]
        tables = tables_to_drop(connection, host=options["host"])
        unseeded = unseeded_vms(tables)
        self._show(tables, unseeded)
        if unseeded and not options["yes_lose_data"]:
            raise Refused(
                f"{unseeded} VMs were not made by seed, so they may be real: say --yes-lose-data to drop them."
            )
        if tables and not options["yes"] and not self._agreed():
            raise Refused("Nothing was done; say --yes to destroy what is listed above.")
        lock = lock_of(connection, say=self.stderr.write)
        lock.take(options["lock_timeout"])
        try:
            with limited(connection, options["lock_timeout"]):
                drop_all(lock)
        finally:
            lock.release()
        call_command("migrate", verbosity=0, reason="resetdb", stdout=self.stderr, stderr=self.stderr)
        self.stdout.write("All tables were dropped and made anew.")
        if not options["no_seed"]:
            call_command("seed", stdout=self.stdout, stderr=self.stderr)

    def _show(self, tables: dict[str, int], unseeded: int) -> None:
        name = connections[DEFAULT_DB_ALIAS].settings_dict["NAME"]
        filled = {table: count for table, count in tables.items() if count}
        self.stdout.write(
            f"{name} holds {len(tables)} tables with {sum(filled.values()):,} rows; all would be destroyed."
        )
        for table, count in sorted(filled.items(), key=lambda each: (-each[1], each[0])):
            self.stdout.write(f"  {table}: {count:,}")

    def _agreed(self) -> bool:
        if not sys.stdin.isatty():
            return False
        self.stdout.write("Destroy this? Type yes: ", ending="")
        self.stdout.flush()
        return sys.stdin.readline().strip().lower() == "yes"


def unseeded_vms(tables: dict[str, int]) -> int:
    """How many VMs nobody seeded; only their keys are asked for, as the tables may be those of another release."""
    if not tables.get(VMContext._meta.db_table):
        return 0
    seeded: set[str] = set()
    if SeededRow._meta.db_table in tables:
        seeded = {*SeededRow.objects.filter(model=VMContext._meta.label_lower).values_list("row_key", flat=True)}
    return len({str(key) for key in VMContext.objects.values_list("pk", flat=True)} - seeded)
