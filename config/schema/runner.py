"""Runs Django's own `migrate` as the one runner of a database.

Django gives no hook between its plan and its work, so this module puts its own executor, and its own way of sending
`post_migrate`, in the place of those that the command module names. That is the only such place.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from django.core.management.commands import migrate
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration

from config.schema.lock import SchemaLock

Plan = list[tuple[Migration, bool]]


class LockedExecutor(MigrationExecutor):
    """Takes the lock once there is something to do, and then looks again whether there still is.

    A run that finds nothing to do holds the lock only while `post_migrate` is sent: any number of them started together
    do not wait for each other's reading.
    """

    lock: SchemaLock
    timeout: float
    only_reads: bool

    def migration_plan(self, targets: Any, clean_start: bool = False) -> Plan:
        plan: Plan = super().migration_plan(targets, clean_start)
        if clean_start or self.only_reads or not plan or self.lock.is_taken:
            return plan
        self.lock.take(self.timeout)
        self.loader.build_graph()
        self.loader.check_consistent_history(self.connection)
        plan = super().migration_plan(targets, clean_start)
        if not plan:
            self.lock.release()
        return plan

    def apply_migration(self, state: Any, migration: Migration, fake: bool = False, fake_initial: bool = False) -> Any:
        self.lock.step(f"applying {migration}")
        return super().apply_migration(state, migration, fake, fake_initial)

    def unapply_migration(self, state: Any, migration: Migration, fake: bool = False) -> Any:
        self.lock.step(f"unapplying {migration}")
        return super().unapply_migration(state, migration, fake)


@contextlib.contextmanager
def one_runner(lock: SchemaLock, timeout: float, *, at_once: bool, only_reads: bool) -> Iterator[None]:
    """Within it, Django's migrate command changes the database only while `lock` is held.

    `at_once`: take the lock before anything else. `only_reads`: the command will change nothing. `timeout`: seconds.
    Raises what `SchemaLock.take` raises.
    """
    executor = type("Executor", (LockedExecutor,), {"lock": lock, "timeout": timeout, "only_reads": only_reads})
    send: Callable[..., Any] = migrate.emit_post_migrate_signal  # type: ignore[attr-defined]

    def send_under_lock(*args: Any, **kwargs: Any) -> None:
        lock.take(timeout)
        send(*args, **kwargs)

    try:
        if at_once:
            lock.take(timeout)
        with (
            patch.object(migrate, "MigrationExecutor", executor),
            patch.object(migrate, "emit_post_migrate_signal", send_under_lock),
        ):
            yield
    finally:
        lock.release()
