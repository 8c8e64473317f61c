"""What an installation no longer keeps: each app says it in its `retention` module, and one command does it all.

A rule looks at the database and says in steps what it would do. It is asked once for a dry run, and again under the
schema lock before anything is done, so that two commands started together do nothing twice.
"""

import contextlib
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from django.apps import apps
from django.db import DatabaseError
from django.utils.module_loading import module_has_submodule

from config.schema.dialects import dialect
from config.schema.exits import SchemaError
from config.schema.journal import Journal
from config.schema.lock import SchemaLock
from config.schema.waits import Waits, limited


@dataclass(frozen=True)
class Step:
    """One thing to be done: a month made, a month dropped with its rows, or rows deleted in batches."""

    what: Literal["make", "drop", "delete"]
    table: str
    subject: str
    """A month as YYYY-MM, or which rows in words."""
    why: str
    rows: int
    """Rows that are moved into the month, or that go, as counted when the step was made."""
    do: Callable[[Waits], int | None]
    """Do it; returns how many rows it were where that is known better than before. Raises LockNotObtained."""


class Rule(Protocol):
    """What an app no longer keeps."""

    def steps(self, connection: Any, now: datetime) -> Iterator[Step]:
        """What is to be done at this instant. Writes nothing; each step is asked for when the one before is done.

        Raises Refused where the table is not as the rule needs it.
        """


def rules() -> list[Rule]:
    """The `RULES` in the module `retention` of every installed app that has one."""
    found: list[Rule] = []
    for app in apps.get_app_configs():
        if module_has_submodule(app.module, "retention"):
            found += importlib.import_module(f"{app.name}.retention").RULES
    return found


def planned(connection: Any, rules: list[Rule]) -> Iterator[Step]:
    """What would be done now. Writes nothing."""
    now = database_now(connection)
    for rule in rules:
        yield from rule.steps(connection, now)


def applied(lock: SchemaLock, rules: list[Rule], *, timeout: float, words: dict[str, str]) -> Iterator[Step]:
    """Do it under the schema lock; yields each step when it is done, with the rows that it turned out to be.

    `timeout`: how many seconds the lock, and each table, is waited for. `words`: as for `Journal.begin`. Killed
    anywhere, what it had done is done, and the next call does the rest. Raises LockNotObtained and Refused.
    """
    connection = lock.connection
    if next(planned(connection, rules), None) is None:
        return
    lock.take(timeout)
    journal = Journal(connection, lock.guard)
    waits = Waits(connection, limit=timeout, say=lock.say)
    try:
        with limited(connection, timeout), connection.execute_wrapper(waits.noting), waits.named():
            journal.begin(lock_wait=lock.waited, **words)
            for step in planned(connection, rules):
                lock.step(f"apply_retention: {step.what} {step.subject} of {step.table}")
                waits.begin_migration(f"To {step.what} {step.subject} of {step.table}")
                rows = step.do(waits)
                yield step if rows is None else replace(step, rows=rows)
            journal.end(None)
    except BaseException as error:
        # What happened is the error to be seen, not that it can neither be recorded nor left in order.
        with contextlib.suppress(DatabaseError), waits.briefly():
            journal.end(error)
        with contextlib.suppress(DatabaseError, SchemaError):
            lock.release()
        raise
    lock.release()


def database_now(connection: Any) -> datetime:
    """The present instant by the clock of the database, as rows go by it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {dialect(connection).utc_now}".replace("%", "%%"), [])
        [now] = cursor.fetchone()
    if isinstance(now, str):
        now = datetime.fromisoformat(now)
    return now if now.tzinfo else now.replace(tzinfo=UTC)
