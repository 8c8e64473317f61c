"""Runs Django's own `migrate` as the one runner of a database.

Django gives no hook between its plan and its work, so this module puts its own executor, and its own way of sending
`post_migrate`, in the place of those that the command module names, for the run of one thread. That is the only such
place.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.core.management.commands import migrate
from django.db import DatabaseError

from config.schema.backup.around import Around, When
from config.schema.dialects.statements import hide_refused
from config.schema.drift import lacking, unlike_the_plan
from config.schema.executor import Done, SchemaExecutor
from config.schema.exits import Hindered, Refused, SchemaError
from config.schema.expected import expected_tables, present_tables, touched_tables
from config.schema.gate import Mode
from config.schema.grants import Grants
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
    expect: str = "",
    steps: int | None = None,
    stage: str | None = None,
    allow_old_release: bool = False,
    grant_to: str = "",
    back: tuple[tuple[str, str], ...] | None = None,
    backups: When = "none",
    fake: bool = False,
) -> Iterator[None]:
    """Within it, Django's migrate command changes the database only while `lock` is held, and is journalled.

    `at_once`: take the lock before anything else. `only_reads`: the command will change nothing. `timeout`: seconds.
    `words`: command, arguments, release and reason, for the journal. `gate`: what may not run unasked. `expect`: the
    digest of the only plan that may run. `steps`: how many migrations of the plan. `stage`: which part of it.
    `allow_old_release`: run the part after the deploy though another release serves. `grant_to`: the role that gets
    rights on new tables. `back`: unapply these instead of what is asked for. `backups`: when the database is backed up.
    `fake`: nothing is run. Raises what `SchemaLock.take` raises, Refused where the gate is shut, the plan cannot be
    parted or that role is none, what `take_backup` raises, and Interrupted where a person has to decide.
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
        "expect": expect,
        "steps": steps,
        "stage": stage,
        "allow_old_release": allow_old_release,
        "back": back,
        "fake": fake,
    }
    attributes["grants"] = grants = Grants(lock.connection, grant_to)
    attributes["done"] = done = Done()
    attributes["backups"] = around = Around(lock.connection, backups, lock.say)
    executor = type("Executor", (SchemaExecutor,), attributes)

    def send_under_lock(*args: Any, **kwargs: Any) -> None:
        try:
            lock.take(timeout)
        except Hindered:
            # Nothing was to be applied, else the plan had been refused: who may only read or write finds that too.
            _send(*args, **kwargs)
            return
        waits.begin()
        waits.begin_migration("post_migrate")
        grants.give()
        _send(*args, **kwargs)

    try:
        with (
            lock.connection.execute_wrapper(hide_refused),
            lock.connection.execute_wrapper(waits.noting),
            waits.named(),
            _in_place(Run(executor, send_under_lock)),
        ):
            if at_once:
                lock.take(timeout)
                waits.begin()
            if prunes:
                journal.begin(lock_wait=lock.waited, **words)
            yield
            _look_again(lock, done)
            journal.end(None)
            around.after()
    except BaseException as error:
        # What happened is the error to be seen, not that it can neither be recorded nor left in order.
        with contextlib.suppress(DatabaseError), waits.briefly():
            journal.end(error)
        waits.end()
        with contextlib.suppress(DatabaseError, SchemaError):
            lock.release()
        raise
    waits.end()
    with waits.named():
        lock.release()


@dataclass(frozen=True)
class Run:
    """What takes the places of Django's executor and of its way of sending `post_migrate` in one run."""

    executor: Callable[..., Any]
    send: Callable[..., Any]


_run: ContextVar[Run | None] = ContextVar("run", default=None)
_execute: Callable[..., Any] = migrate.MigrationExecutor  # type: ignore[attr-defined]
_send: Callable[..., Any] = migrate.emit_post_migrate_signal  # type: ignore[attr-defined]


@contextlib.contextmanager
def _in_place(run: Run) -> Iterator[None]:
    """Within it, and in this thread alone, the command module has those of the run."""
    token = _run.set(run)
    try:
        yield
    finally:
        _run.reset(token)


def _executor_of_run(*args: Any, **kwargs: Any) -> Any:
    run = _run.get()
    return (run.executor if run else _execute)(*args, **kwargs)


def _send_of_run(*args: Any, **kwargs: Any) -> None:
    run = _run.get()
    (run.send if run else _send)(*args, **kwargs)


# Once for the process, as threads that each put their own there would take away each other's.
migrate.MigrationExecutor = _executor_of_run  # type: ignore[attr-defined]
migrate.emit_post_migrate_signal = _send_of_run  # type: ignore[attr-defined]


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
