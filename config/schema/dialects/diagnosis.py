"""What an engine tells of the weight and the use of its tables, and of who stands in whose way."""

import contextlib
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from config.schema.dialects.waits import Holder

Part = TypeVar("Part")


@dataclass(frozen=True)
class TableWeight:
    """A table with its parts; what is None the engine does not know."""

    name: str
    rows: int | None
    """About how many."""
    data_bytes: int | None
    index_bytes: int | None


@dataclass(frozen=True)
class IndexUse:
    """An index or a key; what is None the engine does not know."""

    table: str
    name: str
    columns: tuple[str, ...]
    unique: bool
    distinct: int | None
    """About how many different keys there are; on PostgreSQL, of an index that is not unique, of its first column."""
    bytes: int | None
    used: int | None
    """How often it was used since the engine began to count."""


@dataclass(frozen=True)
class Blocked:
    """A session that waits for a lock, and those who have it, as far as they can be seen."""

    waiting: Holder
    by: tuple[Holder, ...]


@dataclass(frozen=True)
class Seen(Generic[Part]):
    """What was found, and what could not be seen and why, in a sentence with a way out; empty where all was."""

    found: tuple[Part, ...]
    unseen: str = ""


class Diagnosis(Protocol):
    """How an engine answers. Everything here only reads."""

    def reading(self, connection: Any, seconds: float) -> contextlib.AbstractContextManager[None]:
        """Within it nothing can be written, and no statement runs for longer than so many seconds."""

    def tables(self, connection: Any) -> Seen[TableWeight]:
        """All tables."""

    def indexes(self, connection: Any) -> Seen[IndexUse]:
        """All indexes and keys; `unseen`: why nobody knows which of them are used."""

    def transactions(self, connection: Any, seconds: float) -> Seen[Holder]:
        """The sessions that have been in a transaction for longer than so many seconds, the longest first."""

    def blocked(self, connection: Any) -> Seen[Blocked]:
        """The sessions that wait for a lock."""
