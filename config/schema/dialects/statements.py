"""What kind of thing a statement is to an engine: whether it can be rolled back, and whether it has happened."""

import enum
import hashlib
import re
from collections.abc import Callable
from typing import Any, Protocol

from django.db import DatabaseError


class Kind(enum.Enum):
    """How a statement of a migration is journalled."""

    SESSION = "a setting of the session, or the control of a transaction: always run, never journalled"
    READ = "changes nothing"
    WITH_OUTCOME = "can be rolled back: runs in one transaction with the row that says it happened"
    COMMITS = "commits by itself: the catalogue tells afterwards whether it happened"
    REPEATABLE = "may be run again without harm, whether it happened or not"
    UNKNOWABLE = "nothing tells afterwards whether it happened"


class Statements(Protocol):
    """What an engine knows about statements."""

    def kind(self, sql: str) -> Kind:
        """What the statement is."""

    def parts(self, sql: str) -> list[str]:
        """The statements of a text, without comments and what is quoted; at least one."""

    def before(self, connection: Any, sql: str) -> str:
        """A digest of what a statement that commits by itself is about to change."""

    def happened(self, connection: Any, sql: str, before: str) -> bool:
        """Whether a statement that commits by itself happened after `before`; clears away what is half-made."""

    def refused_whole(self, sql: str) -> bool:
        """Whether a statement of which nothing tells whether it happened did not, if the database refused it."""

    def shuts_out(self, sql: str) -> bool | None:
        """True: from here on the session reaches only tables that this names; False: all again; None: it is neither."""

    def last_id(self, connection: Any, sql: str) -> int | None:
        """What the session remembers as the last number given, where this statement may have changed that."""

    def recall(self, connection: Any, sql: str, last_id: int) -> bool:
        """Have the session remember this again for a statement that asks; False where that cannot be."""


class NothingKept:
    """What is alike where the server remembers nothing of the statement before, and LOCK TABLES shuts nothing out."""

    def last_id(self, connection: Any, sql: str) -> int | None:
        return None

    def recall(self, connection: Any, sql: str, last_id: int) -> bool:
        return False

    def refused_whole(self, sql: str) -> bool:
        return False

    def shuts_out(self, sql: str) -> bool | None:
        return None


SPACE_AND_COMMENTS = re.compile(r"(\s+|--[^\n]*(\n|$)|/\*.*?\*/)+", re.DOTALL)
SECRET = re.compile(
    r"(\b(?:PASSWORD(?:\s+FOR\s+\S+)?|IDENTIFIED(?:\s+(?:VIA|WITH)\s+\w+)?\s+(?:BY|USING|AS))\W*)'(?:[^']|'')*'", re.I
)
GIVES_A_PASSWORD = re.compile(
    r"\b(?:CREATE|ALTER)\s+(?:OR\s+REPLACE\s+)?(?:USER|ROLE|GROUP|SERVER|SUBSCRIPTION)\b|(?:\A|;|\bFOR)\s*SET\s+PASSWORD\b|"
    r"\bIDENTIFIED\s+(?:BY|VIA|WITH|AS)\b|\b(?:MASTER|SOURCE)_PASSWORD\b|"
    r"'[^']*(?:\bpassword\s*=|://[^\s/:@']*:[^\s@']+@)",
    re.IGNORECASE,
)
"""To an account, or in what another server is reached with."""
CONTROL = {
    **dict.fromkeys(("BEGIN", "START"), True),
    **dict.fromkeys(("COMMIT", "END", "ROLLBACK", "ABORT"), False),
}
"""Whether a transaction is open after such a statement."""
WHAT_RECOGNISES = ("sqlstate", "pgcode", "sqlite_errorcode", "sqlite_errorname")
LITERAL = re.compile(r"'(?:[^']|'')*'")


def without_comments(sql: str) -> str:
    """The statement from its first word on, without its comments, for recognising it; never for running it."""
    return SPACE_AND_COMMENTS.sub(" ", sql).strip(" (")


def first_words(sql: str, count: int = 4) -> list[str]:
    """The first words of a statement in capitals, without comments and leading brackets."""
    return re.split(r"[\s(;]+", without_comments(sql[:4000]).upper().strip("; "))[:count]


def parts_of(sql: str, quoted: re.Pattern[str]) -> list[str]:
    """The statements of a text, without comments and all that is `quoted`; at least one."""
    return [part.strip() for part in quoted.sub(" '' ", sql).split(";") if part.strip()] or [""]


def kind_of_parts(parts: list[str], kind: Callable[[str], Kind], *, alone: frozenset[str] = frozenset()) -> Kind:
    """What a text of several statements is; `alone`: first words of what no transaction holds together with others."""
    firsts = {first_words(part)[0] for part in parts}
    if firsts & (CONTROL.keys() | alone):
        return Kind.UNKNOWABLE
    kinds = {kind(part) for part in parts}
    if len(kinds) == 1 and kinds <= {Kind.SESSION, Kind.READ, Kind.REPEATABLE} and not firsts & {"CREATE", "DROP"}:
        return kinds.pop()
    return Kind.UNKNOWABLE if kinds & {Kind.UNKNOWABLE, Kind.COMMITS} else Kind.WITH_OUTCOME


def opens_transaction(parts: list[str]) -> bool | None:
    """Whether such a text leaves a transaction open; None where it neither begins nor ends one."""
    told = None
    for first, second, *_ in ([*first_words(part), ""] for part in parts):
        told = CONTROL.get(first, told) if second != "TO" else told
    return told


def without_secrets(sql: str) -> str:
    """The statement as it may be kept and shown: passwords that it gives to accounts are left out."""
    return SECRET.sub(r"\1'...'", sql)


class Hidden(Exception):
    """What a driver raised, without its words."""


def hide_refused(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Stand around each statement, as `connection.execute_wrapper` has it, and keep passwords out of its errors.

    A database repeats what it refuses, from anywhere in it on; so of a statement that gives a password nothing is told
    but its first words and the database's code, by which others recognise the error.
    """
    try:
        return execute(sql, params, many, context)
    except DatabaseError as error:
        if not any(map(GIVES_A_PASSWORD.search, (str(sql), without_comments(str(sql))))):
            raise
        first = next(iter(error.args), None)
        code = getattr(error.__cause__, "sqlstate", None) or (first if isinstance(first, int) else "unknown")
        words = (
            f"{' '.join(first_words(str(sql), 2))} was refused with the code {code}; "
            "it may give a password, so no more of it is shown."
        )
        cause = Hidden(words)
        for name in WHAT_RECOGNISES:
            if (value := getattr(error.__cause__, name, None)) is not None:
                setattr(cause, name, value)
        raise type(error)(*([first] if isinstance(first, int) else []), words) from cause


def statement_digest(sql: str) -> str:
    """The digest of a statement's words; literals are left out, as a default may be of the moment."""
    return hashlib.sha256(LITERAL.sub("''", sql).encode()).hexdigest()
