"""One difference between what a database should be and what it is."""

from dataclasses import dataclass
from typing import Any

ORDER = (
    "missing_table",
    "storage",
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

ADVICE = {
    "missing_table": "Restore a back-up, or say schema_recover --apply --create-table {} for an empty one.",
    "missing_column": "Restore it from a back-up, or make it anew: schema_drift --sql says how.",
    "invalid_index": "Run schema_recover --apply --only {}, which builds it again.",
    "extra_column": "Write the migration that knows it, or drop it.",
    "generated": "Drop it, and add it as its migration says.",
    "inconsistent_history": "Run showmigrations and see who recorded it.",
    "edited": "Put the file back as it was, and write the change as a new migration.",
    "lost": "Bring the file back; where another migration replaced it, run migrate {app} --prune.",
    "model": "Run makemigrations.",
}
"""What a person does about the kinds that are not simply mended by their SQL."""


@dataclass(frozen=True)
class Difference:
    """A stable id of what it is, where it is, what it is in a sentence, and the statements that mend it, in order."""

    kind: str
    table: str | None
    name: str | None
    """The column, the constraint or the index; of a history, the migration."""
    words: str
    sql: tuple[str, ...] = ()
    first: str = ""
    """What a person has to do before it can be said how to mend it."""

    @property
    def advice(self) -> str:
        """What to do about it."""
        if self.first:
            return self.first
        words = ADVICE.get(self.kind, "Read schema_drift --sql, which says how to mend it.")
        return words.format(self.subject, app=self.subject.partition(".")[0])

    @property
    def subject(self) -> str:
        """What it is about, in one word: with the kind, what tells it from others."""
        return ".".join(filter(None, (self.table, self.name)))


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
