"""manage.py testdb: make the test database of a server ahead of the tests, or drop it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.direct import OnDirectConnection
from config.schema.exits import Refused


class Command(OnDirectConnection, BaseCommand):
    # The test database is made beside one that need not be there.
    reports_unknown = True
    help = (
        "Make the database that Django's tests use beside this one, migrated, or drop it. Tests make their own where "
        "there is none. Example: testdb make"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=("make", "drop"))
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))

    def handle(self, *args: Any, **options: Any) -> None:
        connection: Any = connections[options["database"]]
        creation, name = connection.creation, connection.settings_dict["NAME"]
        test_name = creation._get_test_db_name()
        if not connection.features.test_db_allows_multiple_connections:
            self.stdout.write("Tests keep this database in memory: there is nothing to make and nothing to drop.")
            return
        if test_name == name:
            raise Refused(f"The test database would be {name} itself: give TEST another NAME.")
        if options["what"] == "make":
            try:
                creation.create_test_db(verbosity=0, autoclobber=True, serialize=False, keepdb=True)
            finally:
                connection.close()
                connection.settings_dict["NAME"] = name
            self.stdout.write(f"{test_name} is there, and migrated.")
        else:
            with creation._nodb_cursor() as cursor:
                cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(test_name)}")
            self.stdout.write(f"{test_name} is gone.")
