"""Everything in which the database engines differ; `dialect(connection)` gives the answers of one of them."""

import os
import socket
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from config.schema.dialects.backups import Backups
from config.schema.dialects.catalogue import Catalogue
from config.schema.dialects.diagnosis import Diagnosis
from config.schema.dialects.grants import TableRights
from config.schema.dialects.locks import Cluster, NativeLock
from config.schema.dialects.online import Online
from config.schema.dialects.partitions import Partitions
from config.schema.dialects.preflight import Obstacle
from config.schema.dialects.references import References
from config.schema.dialects.statements import Statements
from config.schema.dialects.waits import TableWaits

NAMES = ("postgresql", "mariadb", "mysql", "sqlite")


@dataclass(frozen=True)
class Dialect:
    """What one engine answers. It works on Django's stock backends as well as on this project's."""

    name: str
    """One of `NAMES`."""
    identifier_collation: str | None
    """The collation under which equal means the same bytes; None where the engine's default is already so."""
    search_collation: str | None
    """The collation under which a search takes upper and lower case for the same; None where LIKE or UPPER does so."""
    lock: NativeLock
    statements: Statements
    catalogue: Catalogue
    waits: TableWaits
    backups: Backups
    is_pooled: Callable[[Any], bool]
    """Whether a pooler stands between this connection and the server."""
    obstacles: Callable[[Any], list[Obstacle]]
    """What stands in the way of every migration of this connection's database."""
    definitions: Callable[[Any], list[str]]
    """The SQL of all that is there, in one order; without rows and what changes while they do, users and hosts."""
    diagnosis: Diagnosis
    drop_tables: Callable[[Any, Collection[str]], None]
    """Drop these tables and views, which no other refers to."""
    references: References
    utc_now: str
    """An expression for the present instant in UTC, to the microsecond, that may stand in a column default."""
    seconds_since: str
    """An expression for how many seconds ago the time in `{}` was; UTC, with fractions."""
    observed_lock: Callable[[Any, str, int], str | None]
    """What a statement that has just run, and said how many rows it touched, locks in the eyes of others; None where
    that is not known."""
    in_order: Callable[[Any], AbstractContextManager[object]] = lambda connection: nullcontext()
    """Within it a query reads its table in the order that it asks for, and not first what a query in it finds, to sort
    all that belongs to that: for a page of many rows."""
    absent: Callable[[Any], str | None] = lambda connection: None
    """The path of the file that connecting would make; None where there is a database, or a server to say so."""
    online: Online | None = None
    """None where there is one writer, so that no form of a statement lets others write meanwhile."""
    rights: TableRights | None = None
    """None where the engine knows no roles."""
    partitions: Partitions | None = None
    """None where a table is never in parts."""
    cluster: Cluster | None = None
    """None where a database is written through one server only."""


def dialect(connection: Any) -> Dialect:
    """Return the dialect of a Django database connection; LookupError for an engine that this project does not know."""
    from config.schema.dialects import mysql, postgresql, sqlite

    if connection.vendor == "mysql":
        return mysql.MARIADB if connection.mysql_is_mariadb else mysql.MYSQL
    for answer in (postgresql.POSTGRESQL, sqlite.SQLITE):
        if answer.name == connection.vendor:
            return answer
    raise LookupError(f"{connection.vendor} is not one of the engines of this project: {', '.join(NAMES)}.")


def ensure_database(connection: Any) -> bool:
    """Make the database of a connection where there is none; whether it was made.

    Where there is none, `dialect` cannot ask which server it is.
    """
    from config.schema.dialects import mysql

    answers = mysql.MARIADB if connection.vendor == "mysql" else dialect(connection)
    return answers.backups.ensure_database(connection)


def line_of(connection: Any) -> socket.socket | None:
    """A second handle on the line to the server, with which another thread may end a session that is silent; close it.

    Some drivers tell it to the thread that asks only. None where no line is open; SQLite has none.
    """
    if connection.vendor == "sqlite" or connection.connection is None:
        return None
    try:
        return socket.socket(fileno=os.dup(connection.connection.fileno()))
    except (OSError, connection.Database.Error):
        return None
