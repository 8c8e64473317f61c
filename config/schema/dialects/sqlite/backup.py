"""SQLite: its online back-up, which copies the file of one moment while others read and write, and back again."""

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.schema.dialects.backups import PATIENCE, Contents, Sum, another
from config.schema.exits import Refused, SchemaError

COPY = ".kept"
BESIDE = ("-wal", "-shm", "-journal", ".schema-lock", COPY, f"{COPY}-journal")
"""What may lie beside the file of a database and belongs to it."""


class Locked(Exception):
    """Somebody else did not let go of a database in time."""


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
                copy.text_factory = _text
                _copy(connection.connection, copy)
                # The copy is one file, without a log beside it.
                copy.execute("PRAGMA journal_mode=DELETE")
                return _contents(copy)
        except Locked:
            who = ", ".join(self.others(connection)) or "Another process"
            raise SchemaError(
                f"{who} has had the database locked for {PATIENCE} s: let that end, and say this again."
            ) from None
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
        for ending in ("", *BESIDE):
            Path(f"{name}{ending}").unlink(missing_ok=True)

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
            plain.text_factory = _text
            try:
                return _contents(plain)
            except sqlite3.Error as error:
                raise SchemaError(f"{_path(connection)} cannot be read ({error}).") from None

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

    def out_of_reach(self, connection: Any) -> str | None:
        return None

    def named_like(self, connection: Any, beginning: str) -> list[str]:
        path = Path(beginning)
        return sorted(str(each) for each in path.parent.glob(f"{path.name}*") if not each.name.endswith(BESIDE))

    def is_used(self, connection: Any, name: str) -> bool:
        with another(connection, name) as there:
            return bool(self.others(there))

    def is_void(self, connection: Any, name: str, *, but: str) -> bool:
        """A copy of what is there still; most others differ in size, and need not be read."""
        live = os.path.realpath(_path(connection))
        if Path(name).stat().st_size != Path(live).stat().st_size:
            return False
        with another(connection, name) as there, contextlib.suppress(SchemaError):
            copied, is_there = (
                {table: held for table, held in self.contents(each).items() if table != but}
                for each in (there, connection)
            )
            return copied == is_there
        return False

    def swap(self, connection: Any, new: str, kept: str, *, end_others: bool) -> None:
        """The live file keeps its place, and gets its new pages in one transaction of SQLite's own.

        Were it replaced by another file, whoever opens it at that moment would have the old one with the log of the
        new one. One connection has it alone from before what is kept is copied until the new pages are committed.
        """
        path = os.path.realpath(_path(connection))
        connection.close()
        _fold_log(new)
        copy = f"{new}{COPY}"
        with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as live:
            mode = self._have_alone(connection, live)
            try:
                _make_like(copy, path)
                with contextlib.closing(sqlite3.connect(copy)) as target:
                    _copy(live, target)
                # Before what it is kept from is overwritten, so that it is under its name whenever this is killed.
                Path(copy).rename(kept)
                _sync_folder(kept)
                with contextlib.closing(sqlite3.connect(new)) as source:
                    _copy(source, live)
            except (OSError, sqlite3.Error) as error:
                is_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
                if is_full or isinstance(error, OSError):
                    # It takes up the room that is wanting. A disk with other faults may need it.
                    self.drop(connection, kept)
                words = error.strerror if isinstance(error, OSError) else error
                raise SchemaError(
                    f"{path} could not be overwritten ({words}), so it is as it was: make room, and say this again."
                ) from None
            with contextlib.suppress(sqlite3.Error):
                live.execute(f"PRAGMA journal_mode={mode}")
        self.drop(connection, new)

    def _have_alone(self, connection: Any, live: sqlite3.Connection) -> str:
        """Lock the database for as long as this connection lives, its log folded into it; the journal mode it had."""
        try:
            live.execute("PRAGMA locking_mode=EXCLUSIVE")
            mode = str(live.execute("PRAGMA journal_mode").fetchone()[0])
            if live.execute("PRAGMA journal_mode=DELETE").fetchone()[0] == "delete":
                live.execute("BEGIN EXCLUSIVE")
                live.execute("COMMIT")
                return mode
        except sqlite3.OperationalError as error:
            if not _is_locked(error.sqlite_errorcode):
                raise Refused(
                    f"The database cannot be written to ({error}), so nothing was changed: let this user write to its "
                    "file and folder, and say this again."
                ) from None
        who = ", ".join(self.others(connection)) or "another process"
        raise Refused(f"The database is open in {who}, so nothing was changed: stop that, and say this again.")

    def finish(self, connection: Any, file: Path, new: str) -> None:
        """Everything is in the file."""


def _path(connection: Any) -> str:
    name = str(connection.settings_dict["NAME"])
    if name == ":memory:" or name.startswith("file:"):
        raise Refused(f"{name} is no file, so there is nothing to back up or to restore to: name a file.")
    return name


def _make_like(path: str, like: str) -> None:
    """Make an empty file with the rights of another one, and for its user and group where this user may."""
    was = Path(like).stat()
    os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    with contextlib.suppress(OSError):
        os.chown(path, was.st_uid, was.st_gid)
    with contextlib.suppress(OSError):
        Path(path).chmod(was.st_mode & 0o777)


def _sync_folder(path: str) -> None:
    descriptor = os.open(Path(path).parent, os.O_RDONLY)
    try:
        # Some file systems have nothing to do here, and say so.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_locked(status: int) -> bool:
    """Whether somebody else is in the way; the upper bits say why."""
    return status & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy one database over another, in one transaction. Raises sqlite3.OperationalError, also where one is locked.

    SQLite itself would try again without end.
    """
    locked_since = None

    def look(status: int, remaining: int, total: int) -> None:
        nonlocal locked_since
        if not _is_locked(status):
            locked_since = None
        elif locked_since is None:
            locked_since = time.monotonic()
        elif time.monotonic() > locked_since + PATIENCE:
            raise Locked

    source.backup(target, progress=look)


def _open_files(process: Path) -> Iterator[Path]:
    for link in (process / "fd").iterdir():
        with contextlib.suppress(OSError):
            yield link.readlink()


def _fold_log(path: str) -> None:
    """Write the log of a database that is this process's alone into its file."""
    with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
        database.execute("PRAGMA journal_mode=DELETE")


def _text(raw: bytes) -> str:
    """Also of what is no UTF-8, which SQLite takes all the same."""
    return raw.decode("utf-8", "surrogateescape")


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
