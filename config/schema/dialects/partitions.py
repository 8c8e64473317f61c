"""The parts of a table that is partitioned by time, and how they are made and dropped while others write."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

Month = tuple[str, str, str]
"""Its name, its first day and the first day after it."""


@dataclass(frozen=True)
class Part:
    """One part: the rows from `begin` on and before `end`, as the catalogue has it; None: without bound."""

    name: str
    begin: datetime | None = None
    end: datetime | None = None
    is_rest: bool = False
    """Whether it takes the rows that no other part takes."""
    schema: str = ""
    """Where a part is a table: the schema that it lies in."""


@dataclass(frozen=True)
class Populated:
    """A table with rows that is to be partitioned by month, or no longer, while others read and write it."""

    connection: Any
    waits: Any
    """A `config.schema.waits.Waits`."""
    table: str
    key: str
    """The column of the model's primary key."""
    column: str
    """The column that says of which month a row is; not NULL."""
    guard: Callable[[], None]
    """Called in each transaction that does work; raises where it may not commit."""
    refuse_alike: Callable[[], None]
    """Raises Refused where two rows have the same key, and names them."""
    executor: str = ""
    blocking: str = ""
    """As in the operations of `config.schema.operations` that are online."""

    def quote(self, name: str) -> str:
        return str(self.connection.ops.quote_name(name))

    def rows(self, query: str, *values: Any) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())

    def run(self, statement: str, again: Callable[[], None] = lambda: None) -> None:
        """Run a statement that commits by itself, outside the queue for its tables; see `Waits.statement`."""
        self.guard()
        self.waits.statement(statement, lambda said: execute(self.connection, [said]), again)


class Partitions(Protocol):
    """What an engine does with the parts of a table."""

    rest_may_be_old: bool
    """Whether rows from before the first month lie in the rest, so that they never go with a month."""

    def parts(self, connection: Any, table: str, by: str) -> list[Part] | None:
        """The parts in the order of time, the rest last; None where it is not partitioned by ranges of the column."""

    def source(self, connection: Any, table: str, part: Part) -> str:
        """What to say behind FROM so that only the rows of this part are read."""

    def make(
        self, connection: Any, waits: Any, table: str, column: str, months: Sequence[Month], rest: Part | None
    ) -> None:
        """Make these months, in the order of time, and move their rows out of the rest. Raises LockNotObtained."""

    def drop(self, connection: Any, waits: Any, table: str, part: Part) -> None:
        """Drop a part with its rows; where it is gone already the database says so.

        Raises LockNotObtained, and Refused where it was made a table of its own meanwhile.
        """

    def partition(self, populated: Populated, now: datetime) -> None:
        """Partition a table by month, with the months ahead of `now`; goes on with what was killed.

        Raises Refused, with the way out, before anything is changed, and LockNotObtained.
        """

    def unpartition(self, populated: Populated) -> None:
        """Make it a plain table again, with every row; else as `partition`."""


def instant(said: str) -> datetime:
    """A bound as a catalogue writes it; without a zone it is UTC, as Django keeps it."""
    found = datetime.fromisoformat(said.strip("'"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def execute(connection: Any, statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
