"""The connection of the schema commands, where it is another than that of the application: direct, with rights to DDL.

The setting SCHEMA_DATABASES holds it by alias, as DATABASES does. Only the commands know it; what serves does not.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections

from config.schema.exits import Unreachable

REPLACED = ("HOST", "PORT", "USER", "PASSWORD", "OPTIONS")


@contextlib.contextmanager
def direct(alias: str, say: Callable[[str], Any]) -> Iterator[None]:
    """Within it, `connections[alias]` is the direct connection where there is one, but for a database of tests."""
    given = getattr(settings, "SCHEMA_DATABASES", {}).get(alias)
    ordinary: Any = connections[alias]
    if given is None:
        yield
        return
    if ordinary.settings_dict["NAME"] != given["NAME"]:
        say(
            f"DATABASE_MIGRATE_URL is ignored: this is {ordinary.settings_dict['NAME']}, and it names another database."
        )
        yield
        return
    direct = ordinary.copy()
    direct.settings_dict.update(copy.deepcopy({key: given[key] for key in REPLACED if key in given}))
    connections[alias] = direct
    try:
        yield
    finally:
        connections[alias] = ordinary
        direct.close()


def reach(connection: Any) -> None:
    """Connect. Raises Unreachable, with the driver's first line, which names server, user and database."""
    try:
        connection.ensure_connection()
    except Error as error:
        raise Unreachable(
            f"{connection.settings_dict['NAME']} cannot be asked: {first_line(error)}. Look whether the server runs, "
            "the database exists and its password is the one of DATABASE_URL."
        ) from None


def first_line(error: BaseException) -> str:
    """What a driver says, without what follows the first line: there, rows and statements may stand."""
    return str(error.args[-1] if error.args else error).strip().split("\n", 1)[0].rstrip(".")


class OnDirectConnection:
    """A command of which `connections[options["database"]]` is the direct connection."""

    reports_unknown = False
    """Whether it has an answer of its own where the database cannot be asked; else that is raised as Unreachable."""

    def execute(self, *args: Any, **options: Any) -> Any:
        this: Any = self
        alias = options.get("database") or DEFAULT_DB_ALIAS
        with direct(alias, this.stderr.write):
            if not self.reports_unknown:
                reach(connections[alias])
            return super().execute(*args, **options)  # type: ignore[misc]
