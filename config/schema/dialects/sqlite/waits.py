"""SQLite: one writer; whoever else wants to write waits for as long as Django's option `timeout` says."""

from collections.abc import Collection, Iterable
from typing import Any

from config.schema.dialects.waits import Seen


class SQLiteWaits:
    whole = True

    def begin(self, connection: Any) -> Any:
        return None

    def end(self, connection: Any, before: Any) -> None:
        pass

    def limit(self, connection: Any, seconds: float, *, local: bool = False) -> None:
        pass

    def limited(self, sql: str, seconds: float) -> str | None:
        return None

    def is_lock_failure(self, error: BaseException) -> bool:
        return getattr(error.__cause__, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))

    def changes_shape(self, sql: str) -> bool:
        return False

    def own_limit(self, sql: str, seconds: float) -> float | None:
        return None

    def tables(self, connection: Any, names: Collection[str]) -> list[str]:
        return []

    def take(self, connection: Any, tables: Iterable[str], *, waits: bool) -> None:
        raise NotImplementedError("SQLite locks the whole file.")

    def seen(self, connection: Any, names: Collection[str], sql: str = "") -> Seen:
        return Seen(exact=False, missing="SQLite's file tells nobody who writes to it")
