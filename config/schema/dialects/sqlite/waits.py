"""SQLite: one writer; whoever else wants to write waits for as long as `busy_timeout` says."""

import contextlib
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from config.schema.dialects.waits import DATA_SECONDS, Seen

LEAST = 0.2
"""Whoever commits has the file to itself for a moment, in which nobody reads either."""


class SQLiteWaits:
    """The setting is that of the driver's connection and of no transaction, and asked for without one."""

    whole = True
    # Who waits for the one writer is in no queue, but sleeps for up to a tenth of a second and looks again.
    turn_of_others = 0.11

    def begin(self, connection: Any, seconds: float, rows: float = DATA_SECONDS) -> Any:
        connection.ensure_connection()
        before = connection.connection.execute("PRAGMA busy_timeout").fetchone()[0]
        self.until(connection, seconds)
        return before

    def end(self, connection: Any, before: Any) -> None:
        if connection.connection is not None:
            connection.connection.execute(f"PRAGMA busy_timeout = {before}")

    def until(self, connection: Any, seconds: float) -> None:
        self.end(connection, round(max(LEAST, seconds) * 1000))

    @contextlib.contextmanager
    def briefly(self, connection: Any) -> Iterator[None]:
        before = self.begin(connection, LEAST)
        try:
            yield
        finally:
            self.end(connection, before)

    def limit(self, connection: Any, seconds: float, *, local: bool = False) -> None:
        pass

    def limited(self, sql: str, seconds: float) -> str | None:
        return None

    def is_lock_failure(self, error: BaseException) -> bool:
        return getattr(error.__cause__, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))

    def may_pass(self, error: BaseException) -> bool:
        return self.is_lock_failure(error)

    def is_out_of_time(self, error: BaseException) -> bool:
        return False

    def changes_shape(self, sql: str) -> bool:
        return False

    def builds(self, sql: str) -> bool:
        return False

    def own_limit(self, sql: str, seconds: float) -> float | None:
        return max(LEAST, seconds)

    def tables(self, connection: Any, names: Collection[str]) -> list[str]:
        return []

    def take(self, connection: Any, tables: Iterable[str], *, waits: bool) -> None:
        raise NotImplementedError("SQLite locks the whole file.")

    def seen(self, connection: Any, names: Collection[str], sql: str = "") -> Seen:
        return Seen(exact=False, missing="SQLite's file tells nobody who writes to it")
