"""How an engine changes a table that others write to meanwhile."""

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, Protocol

from django.db.backends.utils import truncate_name
from django.db.models import Value
from django.db.models.functions import Now


class Compared(Protocol):
    """A comparison of rows around a change that holds only while they are alike."""

    seconds: float
    """How long others may be kept waiting for it."""
    locks: bool
    """Whether it is done again when nobody else can write."""

    def before(self) -> None:
        """Compare while others write. Raises DatabaseError."""

    def locked(self) -> None:
        """Compare when nobody else can write. Raises DatabaseError."""

    def refuse(self, words: str) -> NoReturn:
        """Refuse the change for another reason. Raises DatabaseError, by which the journal knows it was not done."""


class Online(Protocol):
    """The steps of an online change. Each runs what Django's schema editor renders, in the engine's online form.

    `statement` is Django's own rendering, with its parts. No step asks the catalogue, so that a run that goes on after
    a kill renders the same.
    """

    outside: bool
    """Whether the steps run outside a transaction only."""

    def hindrance(self, field: Any) -> str:
        """Why a column cannot be added without blocking, apart from its keys and indexes; empty where it can."""

    def no_check(self, connection: Any) -> str:
        """Why a check cannot be added to a table without blocking; empty where it can."""

    def groups_many(self, sql: str) -> str:
        """The query, which groups rows into nearly as many groups, in the form in which the server does so fastest."""

    def add_column(self, editor: Any, model: Any, field: Any) -> None:
        """Add the column with its check; `field` has no key and no index."""

    def add_index(self, editor: Any, statement: Any) -> None:
        """Build an index, a unique one too."""

    def remove_index(self, editor: Any, model: Any, index: Any) -> None:
        """Drop an index of the model."""

    def index_key(self, editor: Any, model: Any, field: Any, name: str) -> None:
        """Build the index that a foreign key of that name needs."""

    def add_unique(self, editor: Any, statement: Any) -> None:
        """Add a unique constraint."""

    def add_check(self, editor: Any, statement: Any) -> None:
        """Add a check, which new rows are held to at once."""

    def replace_check(self, editor: Any, model: Any, check: Any) -> None:
        """Put a check in the place of the one of the same name; all rows hold it already."""

    def add_foreign_key(self, editor: Any, statement: Any) -> None:
        """Add a foreign key, which new rows are held to at once; the caller looks for orphans before and after."""

    def set_not_null(self, editor: Any, model: Any, field: Any) -> None:
        """Forbid NULL in a column that has none."""

    def allow_null(self, editor: Any, model: Any, field: Any) -> None:
        """Let a column take NULL."""

    def exchange(self, editor: Any, model: Any, columns: Sequence[str], compared: Compared) -> None:
        """Have two columns exchange their names, in one statement, where it is run after the rows were compared."""

    def copying(self, connection: Any, table: str) -> contextlib.AbstractContextManager[None] | None:
        """Within it another program does each ALTER TABLE in a copy, while others write; None: nothing needs that.

        Raises Refused, also when it is entered, where that program cannot do it.
        """

    def is_refusal(self, error: BaseException) -> bool:
        """Whether the server says that it could only do this by copying the table or by locking it."""


@contextlib.contextmanager
def ending(editor: Any, clause: str) -> Iterator[None]:
    """Within it, every ALTER TABLE of the schema editor ends with the clause."""
    execute = editor.execute

    def execute_with_clause(sql: Any, params: Any = ()) -> Any:
        return execute(f"{sql}{clause}" if str(sql).startswith("ALTER TABLE") else sql, params)

    editor.execute = execute_with_clause
    try:
        yield
    finally:
        del editor.execute


@contextlib.contextmanager
def around_statement(
    connection: Any, sql: str, around: Callable[[str], contextlib.AbstractContextManager[None]]
) -> Iterator[None]:
    """Within it, `around` stands around each run of this very statement, inside what journals it and waits for it.

    So it is left out where the statement is passed over. It is handed the settings that the statement begins with.
    """

    def wrapper(execute: Any, said: Any, params: Any, many: bool, context: Any) -> Any:
        if not str(said).endswith(sql):
            return execute(said, params, many, context)
        with around(str(said).removesuffix(sql)):
            return execute(said, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield


def rename_by_turns(editor: Any, model: Any, first: str, second: str) -> list[str]:
    """The statements by which two columns exchange their names, where no single one can."""
    quote, table = editor.quote_name, editor.quote_name(model._meta.db_table)
    aside = truncate_name(f"swapped_{first}", editor.connection.ops.max_name_length())
    turns = ((first, aside), (second, first), (aside, second))
    return [f"ALTER TABLE {table} RENAME COLUMN {quote(was)} TO {quote(becomes)}" for was, becomes in turns]


def hindrance_of_default(field: Any) -> str:
    """Why a default of the database cannot come with the column at once; empty where it is one value for all rows."""
    if hasattr(field.db_default, "resolve_expression") and not isinstance(field.db_default, Value | Now):
        return "a default that may be another one for each row is written to every row while others wait"
    return ""


def without_keys(field: Any) -> Any:
    """The field as a column alone."""
    column = copy.copy(field)
    column._unique = column.db_index = column.db_constraint = False
    # Django keeps the answer of a field that was asked before.
    vars(column).pop("unique", None)
    return column
