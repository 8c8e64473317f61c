"""MariaDB and MySQL are told how to alter a table, so that they refuse where they would copy it or let writers wait.

MySQL is unproved: its server is not in Debian.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import DatabaseError

from config.schema.dialects.locks import answer
from config.schema.dialects.mysql.cluster import Galera
from config.schema.dialects.mysql.copying import TOOL, copying
from config.schema.dialects.online import Compared, around_statement, ending, hindrance_of_default, without_keys
from config.schema.exits import Refused

CANNOT, CANNOT_BECAUSE = 1845, 1846
NO_RIGHT, NO_RIGHT_ON_TABLE = 1044, 1142
COPIES_ONLINE = (11, 2)
UNLOCKED = "Or say unlocked='because every process that runs writes both': then all rows are compared before only."


class MySQLOnline:
    outside = False

    def __init__(self, *, column: str, index: str) -> None:
        """`column`, `index`: how a column is added, and an index or a foreign key."""
        self._column, self._index = f", {column}", f", {index}"
        self._create_index = f" {index.replace(',', '')}"

    def hindrance(self, field: Any) -> str:
        if field.generated and field.db_persist:
            return "the server copies the table for a stored generated column while writes wait"
        return hindrance_of_default(field)

    def no_check(self, connection: Any) -> str:
        if connection.mysql_is_mariadb and connection.mysql_version >= COPIES_ONLINE:
            return ""
        return "the server copies the table for a check while writes wait"

    def groups_many(self, sql: str) -> str:
        # Else it keeps the groups in a table of its own, which took 50 s of a million texts.
        return sql.replace("SELECT ", "SELECT SQL_BIG_RESULT ", 1)

    def add_column(self, editor: Any, model: Any, field: Any) -> None:
        with ending(editor, self._column):
            editor.add_field(model, field)

    def add_index(self, editor: Any, statement: Any) -> None:
        editor.execute(f"{statement}{self._create_index}", None)

    def remove_index(self, editor: Any, model: Any, index: Any) -> None:
        editor.remove_index(model, index)

    def index_key(self, editor: Any, model: Any, field: Any, name: str) -> None:
        """Named as the server itself names the index that it makes for a foreign key."""
        self.add_index(editor, editor._create_index_sql(model, fields=[field], name=name))

    def add_unique(self, editor: Any, statement: Any) -> None:
        editor.execute(f"{statement}{self._index}", None)

    def add_check(self, editor: Any, statement: Any) -> None:
        editor.execute(f"{statement}, ALGORITHM=COPY, LOCK=NONE", None)

    def replace_check(self, editor: Any, model: Any, check: Any) -> None:
        table, name = (editor.quote_name(each) for each in (model._meta.db_table, check.name))
        new = f"ADD CONSTRAINT {name} CHECK ({check._get_check_sql(model, editor)})"
        editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}, {new}, ALGORITHM=COPY, LOCK=NONE", None)

    def add_foreign_key(self, editor: Any, statement: Any) -> None:
        """Only where the session looks up no foreign keys does the server not copy the table."""
        sql = f"{statement}{self._index}"
        if editor.connection.mysql_is_mariadb:
            editor.execute(f"SET STATEMENT foreign_key_checks = 0 FOR {sql}", None)
            return
        with _without_foreign_key_checks(editor.connection):
            editor.execute(sql, None)

    def set_not_null(self, editor: Any, model: Any, field: Any) -> None:
        self._modify(editor, model, field)

    def allow_null(self, editor: Any, model: Any, field: Any) -> None:
        self._modify(editor, model, field)

    def _modify(self, editor: Any, model: Any, field: Any) -> None:
        field = without_keys(field)
        definition, parameters = editor.column_sql(model, field)
        if check := field.db_check(editor.connection):
            # What a column is not told again it loses.
            definition += f" CHECK ({check})"
        table, column = (editor.quote_name(each) for each in (model._meta.db_table, field.column))
        editor.execute(
            f"ALTER TABLE {table} MODIFY {column} {definition}, ALGORITHM=INPLACE, LOCK=NONE", parameters or None
        )

    def exchange(self, editor: Any, model: Any, columns: Sequence[str], compared: Compared) -> None:
        """The table is locked by the session, so that the rows are compared and the statement run in one breath."""
        connection, table = editor.connection, editor.quote_name(model._meta.db_table)
        first, second = (editor.quote_name(each) for each in columns)
        names = f"RENAME COLUMN {first} TO {second}, RENAME COLUMN {second} TO {first}"
        sql = f"ALTER TABLE {table} {names}{self._column}"

        @contextlib.contextmanager
        def around(settings: str) -> Iterator[None]:
            if compared.locks and Galera().is_member(connection):
                compared.refuse(f"on Galera a lock is one of a single node. {UNLOCKED}")
            compared.before()
            if not compared.locks:
                yield
                return
            with _limited(connection, compared.seconds), _locked(connection, table, settings, compared):
                compared.locked()
                yield

        with around_statement(connection, sql, around):
            editor.execute(sql, None)

    def copying(self, connection: Any, table: str) -> contextlib.AbstractContextManager[None]:
        if not connection.mysql_is_mariadb:
            raise Refused(
                f"{TOOL} is not proved on MySQL: {table} was left as it is. Announce a window and do without executor=."
            )
        return copying(connection, table)

    def is_refusal(self, error: BaseException) -> bool:
        return bool(error.args) and error.args[0] in (CANNOT, CANNOT_BECAUSE)


@contextlib.contextmanager
def _without_foreign_key_checks(connection: Any) -> Iterator[None]:
    before = int(answer(connection, "SELECT @@foreign_key_checks"))
    _set(connection, 0)
    try:
        yield
    finally:
        # A session that is gone keeps nothing.
        with contextlib.suppress(DatabaseError):
            _set(connection, before)


@contextlib.contextmanager
def _locked(connection: Any, table: str, settings: str, compared: Compared) -> Iterator[None]:
    """Within it nobody else uses the table. `settings`: how long the lock is waited for."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"{settings}LOCK TABLES {table} WRITE")
    except DatabaseError as error:
        if error.args and error.args[0] in (NO_RIGHT, NO_RIGHT_ON_TABLE):
            compared.refuse(f"this user may not lock {table}: grant it LOCK TABLES. {UNLOCKED}")
        raise
    try:
        yield
    finally:
        # A session that is gone holds nothing.
        with contextlib.suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("UNLOCK TABLES")


@contextlib.contextmanager
def _limited(connection: Any, seconds: float) -> Iterator[None]:
    """Within it a query takes no longer."""
    name, said = ("max_statement_time", seconds)
    if not connection.mysql_is_mariadb:
        name, said = ("max_execution_time", round(seconds * 1000))
    before = answer(connection, f"SELECT @@{name}")
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION {name} = %s", [said])
    try:
        yield
    finally:
        with contextlib.suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute(f"SET SESSION {name} = %s", [before])


def _set(connection: Any, value: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION foreign_key_checks = {value}")
