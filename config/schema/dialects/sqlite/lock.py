"""SQLite: a lock of the operating system on a file beside the database."""

import fcntl
import functools
import os
import weakref
from pathlib import Path
from typing import Any


class FileLock:
    """A database in memory is this process's alone and needs no lock."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, weakref.ref[Any]]] = {}
        """For each file its descriptor, and the connection that took it; other threads have others."""

    def try_take(self, connection: Any) -> bool:
        path = _path(connection)
        if path is None or self._is_own(path, connection):
            return True
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        # What is handed out by name may stand for a connection; its parts know the one itself.
        owner = connection.ops.connection
        self._held[str(path)] = descriptor, weakref.ref(owner)
        weakref.finalize(owner, self._let_go, str(path), descriptor)
        return True

    def is_held(self, connection: Any) -> bool:
        path = _path(connection)
        return path is None or self._is_own(path, connection)

    def is_taken(self, connection: Any) -> bool:
        path = _path(connection)
        if path is None or not path.exists():
            return False
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def release(self, connection: Any) -> bool:
        path = _path(connection)
        if path is None:
            return True
        if not self._is_own(path, connection):
            return False
        descriptor, _ = self._held[str(path)]
        if connection.in_atomic_block:
            # Django drops what it is to call after a commit when the transaction has ended, however that ended.
            end = functools.partial(int)
            weakref.finalize(end, self._let_go, str(path), descriptor)
            connection.on_commit(end)
        else:
            self._let_go(str(path), descriptor)
        return True

    def holder(self, connection: Any) -> str | None:
        return None

    def elsewhere(self, connection: Any) -> list[str]:
        return []

    def _is_own(self, path: Path, connection: Any) -> bool:
        held = self._held.get(str(path))
        return held is not None and held[1]() is connection.ops.connection

    def _let_go(self, path: str, descriptor: int) -> None:
        if path in self._held and self._held[path][0] == descriptor:
            del self._held[path]
            os.close(descriptor)


def is_pooled(connection: Any) -> bool:
    """Nothing stands between a process and a file."""
    return False


def _path(connection: Any) -> Path | None:
    """Beside the file as SQLite itself has it, so that a link and a URI lead to the same lock; None in memory."""
    connection.ensure_connection()
    # Asked of the driver, as Django runs no statement in a transaction that is to be rolled back.
    file = next(row[2] for row in connection.connection.execute("PRAGMA database_list") if row[1] == "main")
    if not file or "vfs=memdb" in str(connection.settings_dict["NAME"]):
        return None
    return Path(f"{os.path.realpath(file)}.schema-lock")
