"""What an engine has to be able to do so that its databases can be backed up and restored."""

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

PATIENCE = 10
"""Seconds that a swap waits for those who use the tables."""


@dataclass(frozen=True)
class Contents:
    """How many rows a table has, and a checksum of them in which their order plays no part."""

    rows: int
    checksum: str


class Sum:
    """Adds up the rows of one table. A sum tells two equal rows from none, which an exclusive or does not."""

    def __init__(self) -> None:
        self.rows = self.total = 0

    def add(self, row: bytes) -> None:
        self.rows += 1
        self.total += int.from_bytes(hashlib.sha256(row).digest()[:16], "big")

    @property
    def contents(self) -> Contents:
        return Contents(self.rows, f"{self.total % 2**128:032x}")


class Backups(Protocol):
    """The engine's own tools. A name of a database is the path of its file where it is a file."""

    suffix: str
    """What the name of a file ends with, with its dot."""
    consistency: str
    """Of which moment file, counts and checksums are, in a sentence."""

    def tool(self, connection: Any) -> str:
        """The tool and its version. Raises Refused where it is missing or cannot read this server."""

    def version(self, connection: Any) -> list[int]:
        """What has to be no newer in a back-up than in the server that it is restored to."""

    def dump(self, connection: Any, file: Path) -> dict[str, Contents]:
        """Write the database to a new file, and say what each of its tables holds in that file.

        Raises SchemaError where the tool fails.
        """

    def beside(self, name: str, word: str) -> str:
        """The name of another database of the same server, or file of the same folder."""

    def ensure_database(self, connection: Any) -> bool:
        """Make the database of this connection where there is none; whether it was made."""

    def make(self, connection: Any, name: str) -> None:
        """Make an empty database that is otherwise like that of the connection."""

    def drop(self, connection: Any, name: str) -> None:
        """Drop another database, whoever uses it."""

    def load(self, connection: Any, file: Path, name: str, *, to_swap: bool) -> None:
        """Load a file into an empty database; without what `finish` makes, if it is `to_swap`.

        Raises SchemaError where the tool fails.
        """

    def contents(self, connection: Any) -> dict[str, Contents]:
        """What each table of the connection's database holds, as `dump` says it."""

    def tables(self, connection: Any) -> set[str]:
        """All tables, spelled as in `contents`."""

    def in_the_way(self, connection: Any) -> str | None:
        """Why this database cannot be put aside, with the way out; None where it can."""

    def others(self, connection: Any) -> list[str]:
        """Those who would have to go before the database can be put aside, in words."""

    def may_end_others(self) -> bool:
        """Whether `swap` can end those."""

    def out_of_reach(self, connection: Any) -> str | None:
        """Who of those may not be ended by this user, with the way out; None where there is nobody."""

    def named_like(self, connection: Any, beginning: str) -> list[str]:
        """The other databases of the server, or files beside this one, whose names begin so."""

    def is_used(self, connection: Any, name: str) -> bool:
        """Whether a session is in another database."""

    def is_void(self, connection: Any, name: str, *, but: str) -> bool:
        """Whether a database that was about to be what is kept of the old one came to hold nothing of its own.

        `but`: the table of the lock, which whoever asks has written to.
        """

    def swap(self, connection: Any, new: str, kept: str, *, end_others: bool) -> None:
        """Let `new` be the database of the connection, and the old one be named `kept`: both or none.

        Raises Refused where somebody else is in the way. The connection may have been closed.
        """

    def finish(self, connection: Any, file: Path, new: str) -> None:
        """After the swap: what cannot be moved, such as views; `new` is no more."""


@contextlib.contextmanager
def another(connection: Any, name: str | None = None) -> Iterator[Any]:
    """A second connection like this one, to another database where one is named; it is closed in the end."""
    copy = connection.copy()
    if name is not None:
        copy.settings_dict["NAME"] = name
    copy.settings_dict["CONN_MAX_AGE"] = 0
    try:
        yield copy
    finally:
        copy.close()
