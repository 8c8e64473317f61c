"""The parts of a table that is partitioned by time, and how they are made and dropped while others write."""

from collections.abc import Iterable, Sequence
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


def instant(said: str) -> datetime:
    """A bound as a catalogue writes it; without a zone it is UTC, as Django keeps it."""
    found = datetime.fromisoformat(said.strip("'"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def execute(connection: Any, statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
