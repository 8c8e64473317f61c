"""A database beside the live one, made from a back-up: what a restore verifies, and what a rehearsal works on."""

import contextlib
import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

from django.db import DatabaseError, connections

from config.schema.dialects import dialect
from config.schema.dialects.backups import another
from config.schema.exits import Refused

TOKEN = 16
"""So many digits that no name given by a person, such as one with a date, is taken for one of these."""


@contextlib.contextmanager
def standing_in(connection: Any, name: str) -> Iterator[Any]:
    """Within it, and in this thread, all that names the alias of the connection reaches another database instead."""
    alias = connection.alias
    ordinary: Any = connections[alias]
    with another(connection, name) as clone:
        connections[alias] = clone
        try:
            yield clone
        finally:
            connections[alias] = ordinary


def new_name(connection: Any, kind: str) -> str:
    """A name that nothing has, for a database of this kind beside that of the connection."""
    name = str(connection.settings_dict["NAME"])
    return dialect(connection).backups.beside(name, f"{kind}_{secrets.token_hex(TOKEN // 2)}")


def leftovers(connection: Any, kind: str) -> list[str]:
    """The databases of this kind beside that of the connection."""
    backups = dialect(connection).backups
    beginning = backups.beside(str(connection.settings_dict["NAME"]), f"{kind}_{'x' * TOKEN}")[:-TOKEN]
    own = re.compile(f"{re.escape(beginning)}[0-9a-f]{{{TOKEN}}}")
    return [each for each in backups.named_like(connection, beginning) if own.fullmatch(each)]


def remove_leftover(connection: Any, name: str, words: str, say: Callable[[str], Any]) -> None:
    """Drop a database that is there for `words`, and say so; where somebody keeps it from being dropped, go on."""
    try:
        dialect(connection).backups.drop(connection, name)
    except (DatabaseError, OSError) as error:
        said = str(error.args[-1]).strip().split("\n", 1)[0].rstrip(".")
        say(f"{name} was left by {words}, and cannot be removed ({said}); drop it yourself.")
    else:
        say(f"{name} was left by {words}; it is removed.")


@contextlib.contextmanager
def scratch(connection: Any, kind: str) -> Iterator[str]:
    """The name of a new, empty database; it is dropped in the end if it still has that name.

    Raises Refused where this user may not make one.
    """
    backups, name = dialect(connection).backups, new_name(connection, kind)
    try:
        backups.make(connection, name)
    except (DatabaseError, OSError) as error:
        said = str(error).strip().split("\n", 1)[0].rstrip(".")
        raise Refused(
            f"A database beside this one cannot be made ({said}), so nothing was changed: let this user make "
            "databases, or name one who may in DATABASE_MIGRATE_URL."
        ) from None
    try:
        yield name
    finally:
        # The error that brought us here is the one to be seen; the next one clears what is left.
        with contextlib.suppress(DatabaseError, OSError):
            backups.drop(connection, name)
