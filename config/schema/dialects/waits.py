"""What an engine knows of the locks on its tables, and the words in which those who hold them are shown."""

import contextlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

BRIEF = 0.05
"""How many seconds a statement that changes a table stands in the queue, in which all others wait behind it."""
PATIENT = 1.0
"""How many seconds it may stand there where nobody holds the table for longer, once it has waited as long outside."""
LONG = 1.0
"""How many seconds make a transaction one that is not waited for in the queue."""
DATA_SECONDS = 5
"""How many seconds a statement that reads or writes rows waits for a lock."""
SHOWN = 80
WORD = re.compile(r'"((?:[^"]|"")+)"|`((?:[^`]|``)+)`|\b([A-Za-z_$][\w$]*)\b')
ESCAPED = re.compile(r"""['"][^'"\\]*\\.*""", re.DOTALL)
NUMBER = re.compile(r"\b\d[\w.]*")


@dataclass(frozen=True)
class Holder:
    """A session that holds a lock on a table, or may."""

    session: str
    user: str
    seconds: int
    query: str
    """What it runs or ran last, as `shown` shows it."""

    def __str__(self) -> str:
        query = f": {self.query}" if self.query else ""
        return f"{self.session} of {self.user}, for {self.seconds} s{query}"


@dataclass(frozen=True)
class Seen:
    """What can be seen of those who hold locks on some tables."""

    holders: tuple[Holder, ...] = ()
    exact: bool = True
    """Whether these are the holders; else they are the open transactions, of which one may be."""
    longest: float = 0.0
    """For how many seconds the one who began first has been in a transaction."""
    missing: str = ""
    """Why they cannot be seen and what would help; empty where they can."""
    brief: float = 0.0
    """How many seconds an attempt may stand in the queue after it has waited outside."""


def who_of(seen: Seen) -> str:
    """Those who hold the locks, in words."""
    if seen.missing:
        return f"somebody who cannot be seen ({seen.missing})"
    if not seen.holders:
        return "somebody who is gone by now" if seen.exact else "somebody without an open transaction"
    among = "" if seen.exact else "one of these, as far as can be seen: "
    return among + "; ".join(map(str, seen.holders[:3]))


class TableWaits(Protocol):
    """How an engine lets a statement wait for a table, and for how long.

    A statement that changes a table waits in a queue, and everybody who comes after it waits behind it. So it is let
    into the queue for moments only, and waits outside.
    """

    whole: bool
    """Whether the tables of a migration can be taken at once, inside the transaction that holds all of it."""
    turn_of_others: float
    """For how many seconds who writes batch after batch has to let go now and then, lest others never write."""

    def begin(self, connection: Any, seconds: float, rows: float = DATA_SECONDS) -> Any:
        """Limit to `rows` seconds how long statements of this session wait; return what stood there before.

        Where an engine has but one writer the limit is `seconds`. Inside a transaction it ends with that at the latest.
        """

    def end(self, connection: Any, before: Any) -> None:
        """Give the session back what `begin` returned."""

    def until(self, connection: Any, seconds: float) -> None:
        """Where an engine has but one writer: how long statements wait for it from now on."""

    def briefly(self, connection: Any) -> contextlib.AbstractContextManager[None]:
        """Within it nothing waits for the one writer for longer than a moment, where an engine has but one."""

    def limit(self, connection: Any, seconds: float, *, local: bool = False) -> None:
        """How long statements that change the shape wait from now on; `local`: until the transaction ends."""

    def limited(self, sql: str, seconds: float) -> str | None:
        """The same statement with this limit in itself; None where the engine has no such form."""

    def is_lock_failure(self, error: BaseException) -> bool:
        """Whether a statement failed because somebody else holds a lock."""

    def may_pass(self, error: BaseException) -> bool:
        """Whether a transaction failed because of what others did at the same moment, and may succeed the next time."""

    def is_out_of_time(self, error: BaseException) -> bool:
        """Whether a statement was ended because it took longer than the server gives one."""

    def changes_shape(self, sql: str) -> bool:
        """Whether a statement takes tables from those who use them."""

    def builds(self, sql: str) -> bool:
        """Whether a statement works for long between two moments in which it needs the table, so that an attempt which
        fails in the second has done its work for nothing."""

    def own_limit(self, sql: str, seconds: float) -> float | None:
        """For a statement that waits without being in anybody's way: how long it may, of the `seconds` left."""

    def tables(self, connection: Any, names: Collection[str]) -> list[str]:
        """Those of the names that are tables which this user may lock, quoted and in order."""

    def take(self, connection: Any, tables: Iterable[str], *, waits: bool) -> None:
        """Take the tables, inside a transaction; either at once or within the limit that is set."""

    def seen(self, connection: Any, names: Collection[str], sql: str = "") -> Seen:
        """Who holds the tables of these names in a way that a statement has to wait for."""


class ServerWaits:
    """What is alike on servers: a limit is one of the session, and no single writer is waited for."""

    turn_of_others = 0.0

    def until(self, connection: Any, seconds: float) -> None:
        pass

    def builds(self, sql: str) -> bool:
        return False

    def briefly(self, connection: Any) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


def words_of(sql: str) -> set[str]:
    """All that could be the name of a table in a statement."""
    return {next(filter(None, found)) for found in WORD.findall(sql)}


def shown(sql: str | None, quotes: str = "'") -> str:
    """The beginning of a statement, without literals and numbers; `quotes`: what the engine puts literals in."""
    text = re.sub(r"\$(\w*)\$.*", "...", sql or "", flags=re.DOTALL)
    # Where a backslash may have hidden the end of a literal, nothing after its beginning is sure to be none.
    text = ESCAPED.sub("...", text)
    for quote in quotes:
        text = re.sub(f"{quote}(?:[^{quote}]|{quote}{quote})*(?:{quote}|$)", "...", text)
    text = " ".join(NUMBER.sub("?", text).split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 4]} ..."
