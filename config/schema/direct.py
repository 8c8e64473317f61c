"""The connection of the schema commands, where it is another than that of the application: direct, with rights to DDL.

The setting SCHEMA_DATABASES holds it by alias, as DATABASES does. Only the commands know it; what serves does not.
"""

import contextlib
import copy
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.exceptions import BadMigrationError, InconsistentMigrationHistory, NodeNotFoundError
from django.db.migrations.loader import MigrationLoader

from config.schema.dialects import dialect
from config.schema.exits import Refused, SchemaError, Unreachable
from config.schema.told import ErrorsInFormat

REPLACED = ("HOST", "PORT", "USER", "PASSWORD", "OPTIONS")
BROKEN_FILES = (NodeNotFoundError, BadMigrationError, SyntaxError, ImportError)
"""What reading the files of migrations raises where one of them is gone or cannot be read, beside what it raises."""
BROKEN = 128 + 13
"""The exit code of a program whose reader has gone away, as shells have it; of one that was interrupted, 130."""
INTERRUPTED_BY_HAND = 130


@contextlib.contextmanager
def direct(alias: str, say: Callable[[str], Any]) -> Iterator[None]:
    """Within it, `connections[alias]` is the direct connection where there is one, but for a database of tests."""
    given = getattr(settings, "SCHEMA_DATABASES", {}).get(alias)
    ordinary: Any = connections[alias]
    if given is None:
        yield
        return
    if ordinary.settings_dict["NAME"] != given["NAME"]:
        say(
            f"DATABASE_MIGRATE_URL is ignored: this is {ordinary.settings_dict['NAME']}, and it names another database."
        )
        yield
        return
    direct = ordinary.copy()
    direct.is_direct = True
    direct.settings_dict.update(copy.deepcopy({key: given[key] for key in REPLACED if key in given}))
    connections[alias] = direct
    try:
        yield
    finally:
        connections[alias] = ordinary
        direct.close()


def reach(connection: Any, *, creates: bool = False) -> None:
    """Connect. Raises Unreachable, with the driver's first line, which names server, user and database.

    `creates`: where the database is a file that is not there, make it.
    """
    try:
        if not creates:
            refuse_an_absent_file(connection)
        connection.ensure_connection()
    except Error as error:
        raise Unreachable(cannot_be_asked(connection, error)) from None


def refuse_an_absent_file(connection: Any) -> None:
    """Raise Unreachable where connecting would make the file of a database, which may be a wrong path."""
    if path := dialect(connection).absent(connection):
        raise Unreachable(f"There is no file {path}: look at {variable(connection)}, or run migrate, which makes it.")


def cannot_be_asked(connection: Any, error: BaseException) -> str:
    """What to say of a database that does not answer, and what to look at."""
    return f"{connection.settings_dict['NAME']} cannot be asked: {first_line(error)}. {what_to_look_at(connection)}"


def what_to_look_at(connection: Any) -> str:
    """What to look at where a database does not answer."""
    return (
        f"Look whether the server runs, the database exists, nobody holds its tables, and user and password of "
        f"{variable(connection)} are right and may read it."
    )


def variable(connection: Any) -> str:
    """The name of the variable that says where this connection leads."""
    return "DATABASE_MIGRATE_URL" if getattr(connection, "is_direct", False) else "DATABASE_URL"


def first_line(error: BaseException) -> str:
    """What a driver says, without what follows the first line: there, rows and statements may stand."""
    return str(error.args[-1] if error.args else error).strip().split("\n", 1)[0].rstrip(".")


class OnDirectConnection(ErrorsInFormat):
    """A command of which `connections[options["database"]]` is the direct connection.

    From a shell, every error is one sentence and an exit code; a program that calls it gets the error itself.
    """

    reports_unknown = False
    """Whether it has an answer of its own where the database cannot be asked; else that is raised as Unreachable."""
    _is_from_a_shell = False

    def run_from_argv(self, argv: list[str]) -> None:
        self._is_from_a_shell = "--traceback" not in argv
        try:
            super().run_from_argv(argv)
        except KeyboardInterrupt:
            sys.stderr.write("Interrupted; schema_status says what is half done.\n")
            sys.exit(INTERRUPTED_BY_HAND)
        except BrokenPipeError:
            # Python would complain about it once more when it closes its output.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(BROKEN)

    def execute(self, *args: Any, **options: Any) -> Any:
        this: Any = self
        alias = options.get("database") or DEFAULT_DB_ALIAS
        in_words = _in_words() if self._is_from_a_shell else contextlib.nullcontext()
        with self.telling(), direct(alias, this.stderr.write), in_words:
            if not self.reports_unknown:
                reach(connections[alias], creates=self.creates(options))
            return super().execute(*args, **options)

    def creates(self, options: Mapping[str, Any]) -> bool:
        """Whether it makes the database where that is a file which is not there; what only reads makes nothing."""
        return False


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except InconsistentMigrationHistory as error:
        raise Refused(f"{error} Run schema_recover, which says what can be recorded.") from error
    except Error as error:
        raise SchemaError(f"{first_line(error)}. Run schema_status, which says what is half done.") from error
    except Exception as error:
        if not is_of_broken_files(error):
            raise
        raise Refused(f"{files_cannot_be_read(error)} {BROKEN_FILES_WAY}") from error


BROKEN_FILES_WAY = "Put it back or mend it; schema_check names what is wrong with each."


def is_of_broken_files(error: BaseException) -> bool:
    """Whether an error came of reading the files of migrations: a file may raise anything where it is imported."""
    if isinstance(error, BROKEN_FILES):
        return True
    loads: Any = MigrationLoader.load_disk
    return any(frame.f_code is loads.__code__ for frame, _ in traceback.walk_tb(error.__traceback__))


def files_cannot_be_read(error: BaseException) -> str:
    """What is wrong with the files of migrations, in a sentence."""
    return f"The files of the migrations cannot be read: {type(error).__name__}: {first_line(error)}."
