"""The connection of the schema commands, where it is another than that of the application: direct, with rights to DDL.

The setting SCHEMA_DATABASES holds it by alias, as DATABASES does. Only the commands know it; what serves does not.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

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


class OnDirectConnection:
    """A command of which `connections[options["database"]]` is the direct connection."""

    def execute(self, *args: Any, **options: Any) -> Any:
        this: Any = self
        with direct(options.get("database") or DEFAULT_DB_ALIAS, this.stderr.write):
            return super().execute(*args, **options)  # type: ignore[misc]
