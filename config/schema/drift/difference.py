"""One difference between what a database should be and what it is."""

from dataclasses import dataclass
from typing import Any

ORDER = (
    "missing_table",
    "missing_column",
    "extra_column",
    "type",
    "collation",
    "generated",
    "identity",
    "default",
    "nullability",
    "primary_key",
    "unique",
    "missing_index",
    "index",
    "invalid_index",
    "check",
    "constraint",
    "foreign_key",
    "on_delete",
)
"""The kinds of differences in the catalogue, in the order in which they can be mended."""


@dataclass(frozen=True)
class Difference:
    """A stable id of what it is, where it is, a sentence, and the statements that mend it, in order.

    Without statements the sentence says what a person does.
    """

    kind: str
    table: str | None
    name: str | None
    """The column, the constraint or the index; of a history, the migration."""
    words: str
    sql: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Found:
    """A difference in the catalogue, with what has to be known to render what mends it."""

    kind: str
    table: str
    name: str | None
    words: str
    expected: Any
    """The expected table; None where it says nothing of this."""
    source: Any = None
    """The field, index, constraint, or fields, that the state has."""
    live: Any = None
    """The column, key or foreign key that is there."""

    @property
    def column(self) -> str | None:
        """The column that the difference is about, where it is about one."""
        return getattr(self.source, "column", None)
