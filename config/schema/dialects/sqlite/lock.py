"""SQLite: a lock of the operating system on a file beside the database."""

import fcntl
import os
from pathlib import Path
from typing import Any


class FileLock:
    """A database in memory is this process's alone and needs no lock."""

    def __init__(self) -> None:
        self._descriptors: dict[str, int] = {}

    def try_take(self, connection: Any) -> bool:
        path = _path(connection)
        if path is None or str(path) in self._descriptors:
            return True
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptors[str(path)] = descriptor
        return True

    def is_held(self, connection: Any) -> bool:
        path = _path(connection)
        return path is None or str(path) in self._descriptors

    def is_taken(self, connection: Any) -> bool:
        path = _path(connection)
        if path is None or str(path) in self._descriptors or not path.exists():
            return path is not None and str(path) in self._descriptors
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
        descriptor = self._descriptors.pop(str(path), None)
        if descriptor is None:
            return False
        os.close(descriptor)
        return True

    def holder(self, connection: Any) -> str | None:
        return None

    def elsewhere(self, connection: Any) -> list[str]:
        return []


def is_pooled(connection: Any) -> bool:
    """Nothing stands between a process and a file."""
    return False


def _path(connection: Any) -> Path | None:
    name = str(connection.settings_dict["NAME"])
    if name == ":memory:" or name.startswith("file:"):
        return None
    return Path(f"{name}.schema-lock")
