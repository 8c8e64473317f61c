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
from config.schema.drift import lacking, unlike_the_plan
from config.schema.executor import Done, SchemaExecutor
from config.schema.exits import Refused
from config.schema.expected import expected_tables, present_tables, touched_tables
from config.schema.gate import Mode
from config.schema.journal import Journal
from config.schema.lock import SchemaLock
from config.schema.waits import Waits


@contextlib.contextmanager
def one_runner(
    lock: SchemaLock,
    timeout: float,
    *,
    at_once: bool,
    only_reads: bool,
    prunes: bool = False,
    words: dict[str, str],
    gate: Mode = "none",
    allow_destructive: bool = False,
    steps: int | None = None,
    back: tuple[tuple[str, str], ...] | None = None,
) -> Iterator[None]:
    """Within it, Django's migrate command changes the database only while `lock` is held, and is journalled.

    `at_once`: take the lock before anything else. `only_reads`: the command will change nothing. `timeout`: seconds.
    `words`: command, arguments, release and reason, for the journal. `gate`: what may not run unasked. `steps`: how
    many migrations of the plan. `back`: unapply these instead of what is asked for. Raises what `SchemaLock.take`
    raises, Refused where the gate is shut, and Interrupted where a person has to decide.
    """
    journal = Journal(lock.connection, lock.guard)
    waits = Waits(lock.connection, limit=timeout, say=lock.say)
    attributes = {
        "lock": lock,
        "journal": journal,
        "waits": waits,
        "timeout": timeout,
        "only_reads": only_reads,
        "prunes": prunes,
        "words": words,
        "gate": gate,
        "allow_destructive": allow_destructive,
        "steps": steps,
        "back": back,
    }
    attributes["done"] = done = Done()
    executor = type("Executor", (SchemaExecutor,), attributes)
    send: Callable[..., Any] = migrate.emit_post_migrate_signal  # type: ignore[attr-defined]

    def send_under_lock(*args: Any, **kwargs: Any) -> None:
        lock.take(timeout)
        waits.begin()
        send(*args, **kwargs)

    try:
        if at_once:
            lock.take(timeout)
            waits.begin()
        if prunes:
            journal.begin(lock_wait=lock.waited, **words)
        with (
            lock.connection.execute_wrapper(hide_refused),
            waits.named(),
            patch.object(migrate, "MigrationExecutor", executor),
            patch.object(migrate, "emit_post_migrate_signal", send_under_lock),
        ):
            yield
        _look_again(lock, done)
    except BaseException as error:
        # Where the database is gone, what happened to it is the error to be seen, not that the journal cannot be ended.
        with contextlib.suppress(DatabaseError):
            journal.end(error)
        raise
    else:
        journal.end(None)
    finally:
        waits.end()
        lock.release()


def _look_again(lock: SchemaLock, done: Done) -> None:
    """Read the database anew: what was to be applied is recorded so, and the tables that it touches are as it says.

    Raises Refused where they are not; of what was only recorded, by `--fake` or `--fake-initial`, it says so, as
    nothing was run that could be wrong.
    """
    if not done.plan:
        return
    before, after = (expected_tables(lock.connection, state) for state in (done.before, done.after))
    found: list[Any] = unlike_the_plan(lock.connection, done.plan)
    if tables := touched_tables(lock.connection, done.before, done.after) & after:
        found += lacking(lock.connection, done.after, tables)
    words = [each.words for each in found]
    if done.faked:
        words += [
            f"The table {each} is still there." for each in sorted(present_tables(lock.connection, before - after))
        ]
        said = f"What it touches differs: {' '.join(words)}" if words else "What it touches is as it says."
        lock.say(f"Nothing was run. {said}")
        return
    if wrong := [each.words for each in found if each.table not in done.found_there]:
        raise Refused(
            f"All was run, and the database is not as the migrations say: {' '.join(wrong)} "
            "Read schema_drift --sql, which says how to mend it."
        )
    if words:
        lock.say(f"What was there and is taken for made differs: {' '.join(words)}")
