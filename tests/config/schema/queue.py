"""Clients that use a table while it is migrated: one that holds it, and one that reads it all the while."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.engines import connect

READ = "SELECT COUNT(*) FROM queued_{}"


@contextlib.contextmanager
def holding(url: str, table: str = "first", statement: str = READ) -> Iterator[Any]:
    """A transaction that has read the table (or done the statement to it) and is open until the end, or its COMMIT."""
    with contextlib.closing(connect(url)) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute(statement.format(table))
        cursor.fetchall() if cursor.description else None
        yield cursor
        cursor.execute("ROLLBACK")


class Reader:
    """Reads the tables in turn, all the while, and knows the longest that it waited for one read, in seconds."""

    def __init__(self, url: str, *tables: str) -> None:
        self.worst = 0.0
        self._url, self._tables = url, tables
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(table,)) for table in tables]

    def _read(self, table: str) -> None:
        with contextlib.closing(connect(self._url)) as connection:
            cursor = connection.cursor()
            while not self._stopped.is_set():
                began = time.monotonic()
                cursor.execute(READ.format(table))
                cursor.fetchall()
                self.worst = max(self.worst, time.monotonic() - began)
                self._stopped.wait(0.002)

    def __enter__(self) -> "Reader":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
