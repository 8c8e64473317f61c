"""What a change of the schema costs those who use the database meanwhile; as measured, in one file per engine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db.models import (
    CheckConstraint,
    PositiveBigIntegerField,
    PositiveIntegerField,
    PositiveSmallIntegerField,
)

from config.schema.changes import Change, Part


class Kind(Enum):
    """A change by what an engine has to do for it; the value says it in words."""

    NEW_TABLE = "makes a table"
    DROP_TABLE = "drops a table"
    RENAME = "renames what the running release uses"
    ADD_COLUMN = "adds a column"
    REQUIRED = "adds a column that the running release does not fill"
    DROP_COLUMN = "drops a column"
    INDEX = "builds an index"
    UNIQUE = "builds a unique index"
    CHECK = "adds a check"
    ONLINE = "is done online"
    CHECK_IN_WINDOW = "adds a check, online where the engine has such a form"
    FOREIGN_KEY = "adds a foreign key"
    NOT_NULL = "forbids NULL"
    LONGER = "lengthens a text"
    LONGER_ACROSS_64 = "lengthens a text from under 64 characters to 64 or more"
    SHORTER = "shortens a text"
    TO_TEXT = "lifts the limit of a text"
    WIDER = "gives a number more digits"
    TYPE = "changes a type"
    EXCHANGE = "exchanges the names of two columns"
    STORED = "adds a stored generated column"
    PARTS = "partitions a table"
    UNKNOWN = "runs code of its own"


@dataclass(frozen=True)
class Cost:
    """Whether others have to wait, and why; `instead` is the way out, empty where the engine has none."""

    blocks: bool
    why: str
    instead: str = ""
    copied: bool = False
    """An operation may leave it to another program, its `executor`; then nobody waits."""


FREE = Cost(blocks=False, why="changes the catalogue only")
ONLINE = Cost(blocks=False, why="reads and writes go on meanwhile")
COPIED = Cost(blocks=False, why="another program copies the table while reads and writes go on")
NEW = Cost(blocks=False, why="the table is new, so nobody uses it yet")


def costs(engine: str) -> Mapping[Kind, Cost]:
    """What each kind of change costs on one of `config.schema.dialects.NAMES`; what is left out is free."""
    from config.schema.dialects.mysql.costs import COSTS as MYSQL
    from config.schema.dialects.postgresql.costs import COSTS as POSTGRESQL
    from config.schema.dialects.sqlite.costs import COSTS as SQLITE

    tables: dict[str, Mapping[Kind, Cost]] = {
        "postgresql": POSTGRESQL,
        "mariadb": MYSQL,
        "mysql": MYSQL,
        "sqlite": SQLITE,
    }
    return tables[engine]


HAS_ONLINE_FORM = {Kind.INDEX, Kind.UNIQUE, Kind.CHECK, Kind.FOREIGN_KEY, Kind.NOT_NULL}
"""What a column can be given while others write, by the operations of `config.schema.operations`."""
TEXTS = {"SlugField": "CharField", "FileField": "CharField", "FilePathField": "CharField", "ImageField": "CharField"}
POSITIVE = (PositiveIntegerField, PositiveSmallIntegerField, PositiveBigIntegerField)


def kinds_of(change: Change) -> Iterator[Kind]:
    """What an engine has to do for the change."""
    match change.part:
        case Part.TABLE:
            yield from _table(change.old, change.new)
        case Part.COLUMN:
            kinds = list(_column(change.old, change.new))
            yield from (each for each in kinds if not (change.online and each in HAS_ONLINE_FORM))
            if change.online and HAS_ONLINE_FORM & set(kinds):
                yield Kind.ONLINE
        case Part.INDEX if change.new:
            yield Kind.ONLINE if change.online else Kind.INDEX
        case Part.CONSTRAINT if change.new and isinstance(change.new, CheckConstraint):
            yield Kind.CHECK_IN_WINDOW if change.online else Kind.CHECK
        case Part.CONSTRAINT if change.new:
            yield Kind.ONLINE if change.online else Kind.UNIQUE
        case Part.NAMES:
            yield Kind.EXCHANGE
        case Part.CODE:
            yield Kind.UNKNOWN


def _table(old: Any, new: Any) -> Iterator[Kind]:
    if old is None:
        yield Kind.NEW_TABLE
    elif new is None:
        yield Kind.DROP_TABLE
    elif _table_name(old) != _table_name(new):
        yield Kind.RENAME


def _table_name(model: Any) -> str:
    return str(model.options.get("db_table") or f"{model.app_label}_{model.name_lower}")


def _column(old: Any, new: Any) -> Iterator[Kind]:
    if old is None and new is None:
        return
    if (old or new).many_to_many:
        if old is None or new is None:
            yield Kind.NEW_TABLE if old is None else Kind.DROP_TABLE
        elif old.name != new.name:
            yield Kind.RENAME
    elif new is None:
        yield Kind.DROP_COLUMN
    elif old is None:
        yield Kind.ADD_COLUMN
        yield from _added(new)
    else:
        yield from _altered(old, new)


def _added(new: Any) -> Iterator[Kind]:
    if new.generated:
        if new.db_persist:
            yield Kind.STORED
        return
    if not new.null and not new.primary_key and not new.has_db_default():
        yield Kind.REQUIRED
    yield from _rules(None, new)


def _altered(old: Any, new: Any) -> Iterator[Kind]:
    if old.column != new.column:
        yield Kind.RENAME
    yield from _type(old, new)
    if old.null and not new.null:
        yield Kind.NOT_NULL
    yield from _rules(old, new)


def _rules(old: Any, new: Any) -> Iterator[Kind]:
    """Indexes and constraints that a field brings along."""

    def comes(has: Any) -> bool:
        return bool(has(new)) and not (old is not None and has(old))

    if comes(lambda field: field.unique):
        yield Kind.UNIQUE
    if comes(lambda field: field.remote_field and field.db_constraint):
        yield Kind.FOREIGN_KEY
    elif comes(lambda field: field.db_index and not field.unique):
        yield Kind.INDEX
    if comes(lambda field: isinstance(field, POSITIVE)):
        yield Kind.CHECK


def _type(old: Any, new: Any) -> Iterator[Kind]:
    was, becomes = (TEXTS.get(name := field.get_internal_type(), name) for field in (old, new))
    if (was, becomes) == ("CharField", "TextField"):
        yield Kind.TO_TEXT
    elif (was, becomes) == ("TextField", "CharField"):
        yield Kind.SHORTER
    elif was != becomes or _target(old) != _target(new) or _collation(old) != _collation(new):
        yield Kind.TYPE
    elif was == "CharField":
        yield from _length(old.max_length, new.max_length)
    elif was == "DecimalField" and (old.max_digits, old.decimal_places) != (new.max_digits, new.decimal_places):
        yield Kind.WIDER if holds_digits(old, new) else Kind.TYPE


def holds_digits(old: Any, new: Any) -> bool:
    """Whether a decimal column takes every number that the old one took, and at the same scale."""
    return bool(new.decimal_places == old.decimal_places and new.max_digits >= old.max_digits)


def _length(old: int | None, new: int | None) -> Iterator[Kind]:
    if old == new:
        return
    if new is None:
        yield Kind.TO_TEXT
    elif old is None or new < old:
        yield Kind.SHORTER
    else:
        yield Kind.LONGER_ACROSS_64 if old < 64 <= new else Kind.LONGER


def _target(field: Any) -> str:
    """What a foreign key points to, by name; a number's own type says nothing of it."""
    target = field.remote_field.model if field.remote_field else ""
    return str(getattr(getattr(target, "_meta", None), "label_lower", target)).lower()


def _collation(field: Any) -> str | None:
    return getattr(field, "db_collation", None)
