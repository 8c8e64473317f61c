"""SQLite: its online back-up, which copies the file of one moment while others read and write."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.schema.dialects.backups import PATIENCE, Contents, Sum, another
from config.schema.exits import Refused, SchemaError


class SQLiteBackups:
    suffix = ".sqlite3"
    consistency = "File, counts and checksums are of one moment: they were counted in the file itself."

    def tool(self, connection: Any) -> str:
        _path(connection)
        return f"SQLite {sqlite3.sqlite_version}"

    def version(self, connection: Any) -> list[int]:
        return [sqlite3.sqlite_version_info[0]]

    def dump(self, connection: Any, file: Path) -> dict[str, Contents]:
        _path(connection)
        connection.ensure_connection()
        try:
            with contextlib.closing(sqlite3.connect(file)) as copy:
                connection.connection.backup(copy)
                # The copy is one file, without a log beside it.
                copy.execute("PRAGMA journal_mode=DELETE")
                return _contents(copy)
        except sqlite3.Error as error:
            raise SchemaError(f"The back-up could not be written ({error}): make room, and say this again.") from None

    def beside(self, name: str, word: str) -> str:
        return f"{os.path.realpath(name)}.{word}"

    def ensure_database(self, connection: Any) -> bool:
        made = not Path(_path(connection)).exists()
        if made and not Path(_path(connection)).parent.is_dir():
            raise Refused(f"There is no folder {Path(_path(connection)).parent}: make it, or look at DATABASE_URL.")
        connection.ensure_connection()
        return made

    def make(self, connection: Any, name: str) -> None:
        Path(name).touch(mode=0o600)

    def drop(self, connection: Any, name: str) -> None:
        for each in (name, f"{name}-wal", f"{name}-shm", f"{name}-journal", f"{name}.schema-lock"):
            Path(each).unlink(missing_ok=True)

    def load(self, connection: Any, file: Path, name: str, *, to_swap: bool) -> None:
        try:
            shutil.copyfile(file, name)
            with contextlib.closing(sqlite3.connect(name)) as copy:
                [wrong] = copy.execute("PRAGMA integrity_check(1)").fetchone()
        except (OSError, sqlite3.Error) as error:
            words = error.strerror if isinstance(error, OSError) else error
            raise SchemaError(f"{file.name} could not be copied ({words}): make room, and say this again.") from None
        if wrong != "ok":
            raise SchemaError(f"{file.name} is damaged ({wrong}): take another back-up.")

    def contents(self, connection: Any) -> dict[str, Contents]:
        # Django's own connection would turn some values into others.
        with contextlib.closing(sqlite3.connect(_path(connection), timeout=PATIENCE)) as plain:
            return _contents(plain)

    def tables(self, connection: Any) -> set[str]:
        connection.ensure_connection()
        return set(_tables(connection.connection))

    def in_the_way(self, connection: Any) -> str | None:
        return None

    def others(self, connection: Any) -> list[str]:
        """The processes that have the file open, as far as this user can see them."""
        file, found = os.path.realpath(_path(connection)), []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if int(process.name) != os.getpid() and file in {str(each) for each in _open_files(process)}:
                    found.append(f"process {process.name}")
        return found

    def may_end_others(self) -> bool:
        return False

    def named_like(self, connection: Any, beginning: str) -> list[str]:
        path = Path(beginning)
        endings = ("-wal", "-shm", "-journal", ".schema-lock")
        return sorted(str(each) for each in path.parent.glob(f"{path.name}*") if not each.name.endswith(endings))

    def is_used(self, connection: Any, name: str) -> bool:
        with another(connection, name) as there:
            return bool(self.others(there))

    def is_void(self, connection: Any, name: str) -> bool:
        return Path(name).samefile(_path(connection))

    def swap(self, connection: Any, new: str, kept: str, *, end_others: bool) -> None:
        """The old file is left without a log, which would be taken for that of the new one, and is locked meanwhile."""
        path = os.path.realpath(_path(connection))
        connection.close()
        for each in (new, path):
            _fold_log(each)
        was = Path(path).stat()
        with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as old:
            try:
                old.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                raise Refused(IN_USE) from None
            Path(new).chmod(was.st_mode & 0o777)
            _give(new, was.st_uid, was.st_gid)
            os.link(path, kept)
            Path(new).replace(path)

    def finish(self, connection: Any, file: Path, new: str) -> None:
        """Everything is in the file."""


IN_USE = "Another process has the database open, so nothing was changed: stop it, and say this again."


def _path(connection: Any) -> str:
    name = str(connection.settings_dict["NAME"])
    if name == ":memory:" or name.startswith("file:"):
        raise Refused(f"{name} is no file, so there is nothing to back up or to restore to: name a file.")
    return name


def _give(path: str, user: int, group: int) -> None:
    """To the user and group of the file that it replaces, so that they can go on with it."""
    is_ = Path(path).stat()
    if (is_.st_uid, is_.st_gid) != (user, group):
        try:
            os.chown(path, user, group)
        except OSError:
            raise Refused(
                f"The database belongs to user {user}, so nothing was changed: restore as that user, or as root."
            ) from None


def _open_files(process: Path) -> Iterator[Path]:
    for link in (process / "fd").iterdir():
        with contextlib.suppress(OSError):
            yield link.readlink()


def _fold_log(path: str) -> None:
    """Write the log of a database into its file; only who is alone with it can."""
    with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as database:
        try:
            mode = database.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        except sqlite3.OperationalError:
            mode = "wal"
    if mode != "delete" or Path(f"{path}-wal").exists():
        raise Refused(IN_USE)


def _tables(database: sqlite3.Connection) -> list[str]:
    names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
    return [name for (name,) in database.execute(names)]


def _contents(database: sqlite3.Connection) -> dict[str, Contents]:
    found = {}
    for table in _tables(database):
        sum_ = Sum()
        for row in database.execute('SELECT * FROM "{}"'.format(table.replace('"', '""'))):
            sum_.add(repr(row).encode("utf-8", "surrogatepass"))
        found[table] = sum_.contents
    return found
