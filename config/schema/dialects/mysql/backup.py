"""MariaDB and MySQL: mariadb-dump (mysqldump), and a swap by one RENAME TABLE of all tables.

The counts and checksums are of the rows in the file itself, as no other session can share the snapshot of the tool;
after a restore they are taken of what the tool then reads from there.
"""

import contextlib
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

from django.db import DatabaseError, OperationalError

from config.schema.dialects.backups import PATIENCE, Contents, Sum
from config.schema.dialects.catalogue import rows
from config.schema.dialects.mysql.dumped import count, together, until
from config.schema.dialects.mysql.options import options_file
from config.schema.dialects.mysql.waits import MySQLWaits
from config.schema.dialects.tools import found, lines_of, running, version_words
from config.schema.dialects.waits import who_of
from config.schema.exits import Refused, SchemaError

LONGEST_NAME = 64
DATABASE_UNKNOWN = 1049
BOUNDARY = b"-- what cannot be moved with the tables\n"
"""Rows hold no line breaks in the file, so no row looks like this line."""
EVENTS_FOLLOW = b"-- what would begin to run\n"
ALIKE = ("--skip-comments", "--hex-blob", "--default-character-set=utf8mb4", "--no-tablespaces")
ROWS = ("--single-transaction", "--quick", "--skip-lock-tables", "--skip-extended-insert", "--skip-triggers")
TABLES = """
SELECT TABLE_NAME FROM information_schema.TABLES
WHERE TABLE_SCHEMA = %s AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')
"""
VERSIONED = """
SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'SYSTEM VERSIONED'
"""
HISTORY_SINCE = (10, 11)
"""The first MariaDB whose tools read and write the history of a table."""
OF_SEQUENCES = """
SELECT CONCAT(TABLE_NAME, '.', COLUMN_NAME) FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = %s AND COLUMN_DEFAULT RLIKE '^[^'']*(nextval|lastval)[(]' ORDER BY 1
"""
VIEWS = "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = %s ORDER BY 1"
TRIGGERS = "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s ORDER BY 1"
ROUTINES = "SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s"
EVENTS = "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s"
WAITING = """
SELECT 1 FROM information_schema.PROCESSLIST
WHERE DB = %s AND ID <> CONNECTION_ID() AND STATE = 'Waiting for table metadata lock' LIMIT 1
"""
OWN_READING = ("SQL_NO_CACHE", "SHOW ")
"""What the tool itself is seen to do while it waits."""


class MySQLBackups:
    suffix = ".sql.gz"
    consistency = "File, counts and checksums are of one moment: the rows were counted as they went into the file."

    def __init__(self, *, mariadb: bool) -> None:
        self.dump_names = ("mariadb-dump", "mysqldump") if mariadb else ("mysqldump",)
        self.client_names = ("mariadb", "mysql") if mariadb else ("mysql",)
        self.package = "mariadb-client" if mariadb else "mysql-client"
        self.waits = MySQLWaits(shortest=int(not mariadb), in_statement=mariadb)

    def tool(self, connection: Any) -> str:
        found(*self.client_names, package=self.package)
        words = version_words(found(*self.dump_names, package=self.package))
        version = re.search(r"(?:Distrib|from|Ver) (\d+)\.(\d+)\.\d+", words)
        server = tuple(connection.get_database_version()[:2])
        if version and (int(version[1]), int(version[2])) < server:
            raise Refused(
                f"{self.dump_names[0]} {version[1]}.{version[2]} is older than the server, which is "
                f"{server[0]}.{server[1]}: install its {self.package}."
            )
        return words

    def version(self, connection: Any) -> list[int]:
        return list(connection.get_database_version()[:2])

    def dump(self, connection: Any, file: Path) -> dict[str, Contents]:
        name = connection.settings_dict["NAME"]
        before = self.waits.begin(connection, PATIENCE, PATIENCE)
        try:
            if why := self._cannot_be_held(connection):
                raise Refused(f"{why} No back-up was taken.")
            counted: dict[str, Sum] = {}
            with gzip.open(file, "wb", compresslevel=1) as out:
                with self._rows_of(connection, name) as lines:
                    for line in lines:
                        out.write(line)
                        count(line, counted)
                for line in self._all_but_rows(connection, name):
                    out.write(line)
        except OperationalError as error:
            if not self.waits.is_lock_failure(error):
                raise
            raise self._locked_out(connection) from None
        except OSError as error:
            raise SchemaError(
                f"The back-up could not be written ({error.strerror}): make room, and say it again."
            ) from None
        finally:
            with contextlib.suppress(DatabaseError):
                self.waits.end(connection, before)
        return {table: sum_.contents for table, sum_ in sorted(counted.items())}

    def _all_but_rows(self, connection: Any, name: str) -> Iterator[bytes]:
        """Views, triggers and routines, and last the events, which begin to run as soon as they are made."""
        views, triggers, routines, events = (
            [each for (each,) in rows(connection, sql, name)] for sql in (VIEWS, TRIGGERS, ROUTINES, EVENTS)
        )
        yield BOUNDARY
        nothing = ["--no-data", "--no-create-info"]
        for is_there, words in (
            (views, ["--no-data", "--skip-triggers", name, *views]),
            (triggers or routines, [*nothing, "--routines", "--triggers", "--add-drop-trigger", name]),
        ):
            if is_there:
                with self._dumping(connection, words) as lines:
                    yield from lines
        yield EVENTS_FOLLOW
        if events:
            with self._dumping(connection, [*nothing, "--skip-triggers", "--events", name]) as lines:
                yield from lines

    @contextmanager
    def _rows_of(self, connection: Any, name: str) -> Iterator[Iterable[bytes]]:
        words = [f"--ignore-table={name}.{view}" for (view,) in rows(connection, VIEWS, name)]
        if rows(connection, VERSIONED, name):
            words.append("--dump-history")
        with self._dumping(connection, [*ROWS, *words, name]) as lines:
            yield lines

    @contextmanager
    def _dumping(self, connection: Any, words: Sequence[str]) -> Iterator[Iterable[bytes]]:
        """The lines of the tool. It has no limit of its own, so it is watched: a lock ends it, and not mere work."""
        program = found(*self.dump_names, package=self.package)

        def look() -> None:
            if rows(connection, WAITING, connection.settings_dict["NAME"]):
                raise self._locked_out(connection)

        with (
            options_file(connection) as (option, file),
            running([program, option, *ALIKE, *words], stdout=PIPE, pass_fds=[file.descriptor]) as process,
        ):
            assert process.stdout
            yield lines_of(process.stdout, silence=PATIENCE, look=look)

    def _locked_out(self, connection: Any) -> SchemaError:
        seen = self.waits.seen(connection, self.tables(connection))
        others = tuple(each for each in seen.holders if not any(word in each.query for word in OWN_READING))
        return SchemaError(
            f"The back-up has waited {PATIENCE} s for a table that is held by {who_of(replace(seen, holders=others))}: "
            "let that end, or end it, and say this again."
        )

    def _cannot_be_held(self, connection: Any) -> str | None:
        """What neither a file holds nor a move to another database leaves as it is, with the way out."""
        name = connection.settings_dict["NAME"]
        if numbered := [column for (column,) in rows(connection, OF_SEQUENCES, name)]:
            return (
                f"A default leads to a sequence by the name of this database ({', '.join(numbered[:3])}), and would "
                "lead there from every copy too: use AUTO_INCREMENT instead."
            )
        versioned = [table for (table,) in rows(connection, VERSIONED, name)]
        if versioned and tuple(connection.get_database_version()[:2]) < HISTORY_SINCE:
            return (
                f"The history of a table with system versioning ({', '.join(versioned[:3])}) is read by no tool "
                f"before MariaDB {'.'.join(map(str, HISTORY_SINCE))}: upgrade, or drop the versioning."
            )
        return None

    def beside(self, name: str, word: str) -> str:
        return f"{name[: LONGEST_NAME - 1 - len(word)]}_{word}"

    def ensure_database(self, connection: Any) -> bool:
        try:
            connection.ensure_connection()
            return False
        except OperationalError as error:
            if error.args[0] != DATABASE_UNKNOWN:
                raise
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {_quoted(connection.settings_dict['NAME'])} CHARACTER SET utf8mb4")
        connection.ensure_connection()
        return True

    def make(self, connection: Any, name: str) -> None:
        [[charset, collation]] = rows(connection, "SELECT @@character_set_database, @@collation_database")
        rows(connection, f"CREATE DATABASE {_quoted(name)} CHARACTER SET {charset} COLLATE {collation}")

    def drop(self, connection: Any, name: str) -> None:
        before = self.waits.begin(connection, PATIENCE, PATIENCE)
        try:
            rows(connection, f"DROP DATABASE IF EXISTS {_quoted(name)}")
        finally:
            with contextlib.suppress(DatabaseError):
                self.waits.end(connection, before)

    def load(self, connection: Any, file: Path, name: str, *, to_swap: bool) -> None:
        with gzip.open(file) as packed:
            self._feed(connection, name, until(packed, BOUNDARY if to_swap else EVENTS_FOLLOW), file)

    def _feed(self, connection: Any, name: str, lines: Iterable[bytes], file: Path) -> None:
        program = found(*self.client_names, package=self.package)
        words = ["--default-character-set=utf8mb4", "--max-allowed-packet=1G", name]
        streams = {"stdin": PIPE, "stdout": DEVNULL}
        try:
            with (
                options_file(connection) as (option, secrets),
                running([program, option, *words], **streams, pass_fds=[secrets.descriptor]) as process,
            ):
                assert process.stdin
                process.stdin.writelines(together(lines))
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise SchemaError(f"{file.name} is damaged: take another back-up.") from None

    def contents(self, connection: Any) -> dict[str, Contents]:
        name = connection.settings_dict["NAME"]
        counted: dict[str, Sum] = {}
        with self._rows_of(connection, name) as lines:
            for line in lines:
                count(line, counted)
        return {table: sum_.contents for table, sum_ in sorted(counted.items())}

    def tables(self, connection: Any) -> set[str]:
        return set(_tables(connection, connection.settings_dict["NAME"]))

    def in_the_way(self, connection: Any) -> str | None:
        triggers = [name for (name,) in rows(connection, TRIGGERS, connection.settings_dict["NAME"])]
        if not triggers:
            return self._cannot_be_held(connection)
        return (
            f"A table with a trigger cannot be moved to another database here ({', '.join(triggers[:3])}): restore "
            "into a new database and let DATABASE_URL name that, or drop the triggers first."
        )

    def others(self, connection: Any) -> list[str]:
        """Nobody has to go: a session goes on with the tables that then have the names."""
        return []

    def may_end_others(self) -> bool:
        return True

    def out_of_reach(self, connection: Any) -> str | None:
        return None

    def named_like(self, connection: Any, beginning: str) -> list[str]:
        return sorted(name for (name,) in rows(connection, "SHOW DATABASES") if name.startswith(beginning))

    def is_used(self, connection: Any, name: str) -> bool:
        sql = "SELECT 1 FROM information_schema.PROCESSLIST WHERE DB = %s AND ID <> CONNECTION_ID() LIMIT 1"
        return bool(rows(connection, sql, name))

    def is_void(self, connection: Any, name: str, *, but: str) -> bool:
        return not _tables(connection, name)

    def swap(self, connection: Any, new: str, kept: str, *, end_others: bool) -> None:
        name = connection.settings_dict["NAME"]
        self.make(connection, kept)
        moves = [(name, kept, table) for table in _tables(connection, name)]
        moves += [(new, name, table) for table in _tables(connection, new)]
        what = ", ".join(f"{_quoted(a)}.{_quoted(table)} TO {_quoted(b)}.{_quoted(table)}" for a, b, table in moves)
        rows(connection, f"SET SESSION lock_wait_timeout = {PATIENCE}")
        try:
            rows(connection, f"RENAME TABLE {what}")
        except DatabaseError as error:
            self.drop(connection, kept)
            raise Refused(
                f"The tables could not be renamed ({error.args[-1]}), so nothing was changed: let all who use them "
                "end, and say this again."
            ) from None

    def finish(self, connection: Any, file: Path, new: str) -> None:
        """Views, triggers, routines and events, made anew where the tables now are."""
        name = connection.settings_dict["NAME"]
        with gzip.open(file) as packed:
            for _ in until(packed, BOUNDARY):
                pass
            self._feed(connection, name, packed, file)
        self.drop(connection, new)


def _tables(connection: Any, name: str) -> list[str]:
    return sorted(table for (table,) in rows(connection, TABLES, name))


def _quoted(name: str) -> str:
    return "`{}`".format(name.replace("`", "``"))
