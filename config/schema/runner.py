"""Runs Django's own `migrate` as the one runner of a database.

Django gives no hook between its plan and its work, so this module puts its own executor, and its own way of sending
`post_migrate`, in the place of those that the command module names. That is the only such place.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from django.core.management.commands import migrate
from django.db import DatabaseError

from config.schema.dialects.statements import hide_refused
from config.schema.executor import SchemaExecutor
from config.schema.gate import Mode
from config.schema.journal import Journal
from config.schema.lock import SchemaLock


@contextlib.contextmanager
def one_runner(
    lock: SchemaLock,
    timeout: float,
    *,
    at_once: bool,
    only_reads: bool,
    words: dict[str, str],
    gate: Mode = "none",
    allow_destructive: bool = False,
) -> Iterator[None]:
    """Within it, Django's migrate command changes the database only while `lock` is held, and is journalled.

    `at_once`: take the lock before anything else. `only_reads`: the command will change nothing. `timeout`: seconds.
    `words`: command, arguments, release and reason, for the journal. `gate`: what may not run unasked. Raises what
    `SchemaLock.take` raises, Refused where the gate is shut, and Interrupted where a person has to decide.
    """
    journal = Journal(lock.connection)
    attributes = {
        "lock": lock,
        "journal": journal,
        "timeout": timeout,
        "only_reads": only_reads,
        "words": words,
        "gate": gate,
        "allow_destructive": allow_destructive,
    }
    executor = type("Executor", (SchemaExecutor,), attributes)
    send: Callable[..., Any] = migrate.emit_post_migrate_signal  # type: ignore[attr-defined]

    def send_under_lock(*args: Any, **kwargs: Any) -> None:
        lock.take(timeout)
        send(*args, **kwargs)

    try:
        if at_once:
            lock.take(timeout)
        with (
            lock.connection.execute_wrapper(hide_refused),
            patch.object(migrate, "MigrationExecutor", executor),
            patch.object(migrate, "emit_post_migrate_signal", send_under_lock),
        ):
            yield
    except BaseException as error:
        # Where the database is gone, what happened to it is the error to be seen, not that the journal cannot be ended.
        with contextlib.suppress(DatabaseError):
            journal.end(error)
        raise
    else:
        journal.end(None)
    finally:
        lock.release()
