"""What an engine's own catalogue says of the tables, in words that are alike for all engines."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from django.db import DatabaseError

Columns = tuple[str, ...]
Spelling = Callable[[str], str]


@dataclass(frozen=True)
class Column:
    """A column. `type` is in the engine's words; what is None is not known and never compared."""

    type: str
    nullable: bool | None = None
    default: str | None = None
    """The default as SQL; None where there is none."""
    collation: str | None = None
    numbered: bool | None = None
    """Whether the engine numbers the rows in it."""
    generated: bool = False


@dataclass(frozen=True)
class Key:
    """An index or a unique constraint; a column is '' where an expression stands."""

    name: str | None
    columns: Columns | None
    unique: bool = False
    valid: bool = True
    plain: bool = True
    """Whether it holds all rows, in the order in which values are compared."""


@dataclass(frozen=True)
class ForeignKey:
    """Columns, the table and the columns that they name, and the ON DELETE rule; None where it is not known."""

    columns: Columns
    table: str
    to: Columns
    on_delete: str | None
    name: str | None = None


@dataclass(frozen=True)
class Check:
    """A rule about a row: the columns that it names, as far as the engine tells, and its SQL."""

    columns: Columns
    sql: str


@dataclass
class Table:
    """What is there of one table; of a view, and of a part of a partitioned table, only that it is there."""

    is_opaque: bool = False
    is_partitioned: bool = False
    columns: dict[str, Column] = field(default_factory=dict)
    primary_key: Columns = ()
    keys: list[Key] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    checks: dict[str, Check] = field(default_factory=dict)
    """By name; one without a name has any that no name of a constraint can be."""
    others: set[str] = field(default_factory=set)
    """The names of constraints of other kinds, and of triggers."""
    storage: str | None = None
    """The storage engine, where it is one without transactions."""

    def spelled(self, table_of: Spelling, own: Spelling, column_of: Callable[[str], Spelling]) -> "Table":
        """The same with other spellings: of tables, of its own columns, and of the columns of any table."""

        def each(columns: Columns) -> Columns:
            return tuple(map(own, columns))

        return replace(
            self,
            columns={own(name): column for name, column in self.columns.items()},
            primary_key=each(self.primary_key),
            keys=[replace(key, columns=key.columns and each(key.columns)) for key in self.keys],
            foreign_keys=[
                replace(
                    key,
                    columns=each(key.columns),
                    table=table_of(key.table),
                    to=tuple(map(column_of(table_of(key.table)), key.to)),
                )
                for key in self.foreign_keys
            ],
            checks={name: replace(check, columns=each(check.columns)) for name, check in self.checks.items()},
        )


class Catalogue(Protocol):
    """How an engine tells what is there, and what it makes of the words of a migration."""

    rebuilds: bool
    """Whether a column or a constraint changes only together with its whole table."""
    ignores_case_of_columns: bool
    """Whether two names of columns that differ in upper and lower case alone are one name."""

    def read(self, connection: Any) -> dict[str, Table]:
        """All tables and views of the database by name, in a number of queries that does not depend on theirs.

        Tables may be made and dropped meanwhile; one that is not there all the time may be left out.
        """

    def estimate(self, connection: Any, table: str) -> int | None:
        """About how many rows a table has, without reading it on a server; None where nobody knows."""

    def type_of(self, declared: str) -> str:
        """How the catalogue names a type that Django declares so."""

    def indexes(self, connection: Any, column: Any) -> bool:
        """Whether Django makes an index for this field alone, that is no unique one."""

    def alter_column(self, editor: Any, model: Any, column: Any, kinds: set[str]) -> list[str]:
        """The statements that give a field's column again what it has of "type", "nullability", "default", ..."""

    def move_table(self, editor: Any, model: Any) -> str:
        """The statement that gives a model's table to a storage engine with transactions."""

    def rebuild_index(self, name: str) -> str:
        """The statement that makes a valid index of an invalid one."""

    def rebuild_table(self, editor: Any, model: Any, values: Mapping[str, str]) -> list[str]:
        """The statements that make a model's table anew, its columns filled with these SQL values of the old one."""


STRING = re.compile(r"'((?:[^'\\]|''|\\.)*)'")


def unquoted(literal: str) -> str:
    """What an SQL string literal stands for."""
    return re.sub(r"\\(.)", r"\1", literal[1:-1].replace("''", "'"))


def strings_in(sql: str) -> frozenset[str]:
    """The strings that an SQL expression names."""
    return frozenset(unquoted(found.group()) for found in STRING.finditer(sql))


def bare_type(declared: str, aliases: Mapping[str, str]) -> str:
    """A type without quotes, schema and needless spaces, under the name that the catalogue gives it."""
    plain = re.sub(r"\s*([(),])\s*", r"\1", " ".join(declared.replace('"', "").lower().split()))
    name, bracket, rest = plain.partition("(")
    inside, closing, behind = rest.partition(")")
    name = f"{name}{' ' if behind[:1].isalpha() else ''}{behind}" if bracket else name
    array = "[]" if name.endswith("]") else ""
    name = re.sub(r"(\[\d*\])+$", "", " ".join(name.split())).rpartition(".")[2]
    return f"{aliases.get(name, name)}{bracket}{inside}{closing}{array}"


def rows(connection: Any, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """All rows that a query answers."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


@contextlib.contextmanager
def one_moment(connection: Any, begin: str) -> Iterator[None]:
    """Within it all queries see the same moment, by a transaction begun so; in an open one they see what it sees."""
    if connection.in_atomic_block or not connection.get_autocommit():
        yield
        return
    rows(connection, begin)
    try:
        yield
    finally:
        # Where the server is gone, the error that says so is the one to be seen.
        with contextlib.suppress(DatabaseError):
            rows(connection, "ROLLBACK")
