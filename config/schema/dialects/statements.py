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

    def before(self, connection: Any, sql: str) -> str:
        """A digest of what a statement that commits by itself is about to change."""

    def happened(self, connection: Any, sql: str, before: str) -> bool:
        """Whether a statement that commits by itself happened after `before`; clears away what is half-made."""


SPACE_AND_COMMENTS = re.compile(r"(\s+|--[^\n]*(\n|$)|/\*.*?\*/)+", re.DOTALL)
SECRET = re.compile(
    r"(\b(?:PASSWORD(?:\s+FOR\s+\S+)?|IDENTIFIED(?:\s+(?:VIA|WITH)\s+\w+)?\s+(?:BY|USING|AS))\W*)'(?:[^']|'')*'", re.I
)
NAMES_A_SECRET = re.compile(r"""(?<![\w"`])(PASSWORD|IDENTIFIED)(?![\w"`])""", re.IGNORECASE)
LITERAL = re.compile(r"'(?:[^']|'')*'")


def without_comments(sql: str) -> str:
    """The statement from its first word on, without its comments, for recognising it; never for running it."""
    return SPACE_AND_COMMENTS.sub(" ", sql).strip(" (")


def first_words(sql: str, count: int = 4) -> list[str]:
    """The first words of a statement in capitals, without comments and leading brackets."""
    return without_comments(sql[:4000]).upper().replace("(", " ").rstrip("; ").split(" ")[:count]


def without_secrets(sql: str) -> str:
    """The statement as it may be kept and shown: passwords that it gives to accounts are left out."""
    return SECRET.sub(r"\1'...'", sql)


def hide_refused(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Stand around each statement, as `connection.execute_wrapper` has it, and keep passwords out of its errors.

    A database repeats what it refuses, from anywhere in it on; so of a statement that names a password nothing is told
    but its first words and the database's code.
    """
    try:
        return execute(sql, params, many, context)
    except DatabaseError as error:
        if not NAMES_A_SECRET.search(str(sql)):
            raise
        code = getattr(error.__cause__, "sqlstate", None) or (error.args or ["unknown"])[0]
        words = f"{' '.join(first_words(str(sql), 2))} was refused with the code {code}"
        raise type(error)(f"{words}; it names a password, so no more of it is shown.") from None


def statement_digest(sql: str) -> str:
    """The digest of a statement's words; literals are left out, as a default may be of the moment."""
    return hashlib.sha256(LITERAL.sub("''", sql).encode()).hexdigest()
