"""The engines that this run of the tests has, and empty databases on each of them."""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

ENGINES = ("sqlite", "postgresql", "mariadb")
URL_VARIABLES = {"postgresql": "TEST_POSTGRES_URL", "mariadb": "TEST_MYSQL_URL"}


def present(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The engines whose server is known to this run; SQLite always is."""
    return ("sqlite", *(name for name, variable in URL_VARIABLES.items() if environment.get(variable)))


def left_out(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    return tuple(name for name in ENGINES if name not in present(environment))


@contextlib.contextmanager
def fresh_database(engine: str) -> Iterator[str]:
    """The URL of a new, empty database, which is dropped in the end."""
    if engine == "sqlite":
        with tempfile.TemporaryDirectory(prefix="hub-") as folder:
            file = Path(folder) / "hub.sqlite3"
            file.touch()
            yield f"sqlite:///{file}"
        return
    server = urlsplit(os.environ[URL_VARIABLES[engine]])
    name = f"hub_{secrets.token_hex(6)}"
    execute(engine, f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(server._replace(path=f"/{name}"))
    finally:
        execute(engine, f"DROP DATABASE {name}" + (" WITH (FORCE)" if engine == "postgresql" else ""))


def execute(engine: str, statement: str) -> None:
    """Run one statement on the server itself, outside any transaction."""
    with contextlib.closing(connect(os.environ[URL_VARIABLES[engine]])) as connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()


def connect(url: str) -> Any:
    """A plain driver connection in autocommit, as a client that knows no Django would have it."""
    parts = urlsplit(url)
    name = unquote(parts.path.lstrip("/"))
    if parts.scheme.startswith("postgres"):
        import psycopg

        return psycopg.connect(url, autocommit=True, connect_timeout=10)
    if parts.scheme.startswith(("mysql", "mariadb")):
        import MySQLdb

        return MySQLdb.connect(
            host=parts.hostname,
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=name,
            charset="utf8mb4",
            connect_timeout=10,
            autocommit=True,
        )
    import sqlite3

    connection = sqlite3.connect(parts.path[1:], isolation_level=None, timeout=20)
    connection.execute("PRAGMA foreign_keys=ON")
    return connection
