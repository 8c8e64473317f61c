"""Waits for tables outside their queue, within one limit, and says for whom.

A statement that changes a table and has to wait for somebody makes everybody after it wait too. So those who hold the
table are waited for first, without standing in the queue; then the statement may stand there for a moment, and if that
was not enough it is taken back and tried again.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from django.db import DatabaseError, OperationalError

from config.schema.dialects import dialect
from config.schema.dialects.statements import Kind
from config.schema.dialects.waits import BRIEF, DATA_SECONDS, LONG, PATIENT, Seen, shown, who_of, words_of
from config.schema.exits import LockNotObtained

FIRST_PAUSE, POLL_SECONDS = 0.01, 0.1
"""Who is in the way is often gone at once, such as the server's own statistics; so the first looks follow closely."""
TELL_SECONDS = 5.0
BLIND_ATTEMPTS = 50
"""Where nobody who holds a table can be seen, the last of so many attempts is a patient one."""
WORK_SECONDS, MOST_LOST = 0.5, 3
"""An attempt that failed only after so many seconds had done work that is lost; so many may be lost."""

WAY_OUT = "Let that end, or end it, and run this again, or give --lock-timeout more seconds."

Answer = TypeVar("Answer")


@contextlib.contextmanager
def limited(connection: Any, seconds: float, rows: float = DATA_SECONDS) -> Iterator[None]:
    """Within it statements wait for locks for `rows` seconds, and for SQLite's one writer for `seconds`."""
    native = dialect(connection).waits
    before = native.begin(connection, seconds, rows)
    try:
        yield
    finally:
        if connection.connection is not None:
            with contextlib.suppress(DatabaseError):
                # The only reason is that the session is gone or the transaction lost, and the limits with it.
                native.end(connection, before)


class Waits:
    """How one run of migrations waits for tables, on the session that changes them."""

    def __init__(self, connection: Any, *, limit: float, say: Callable[[str], None] = print) -> None:
        """`limit`: how many seconds a migration waits for tables in all; 0: not at all."""
        self.connection = connection
        self.native = dialect(connection).waits
        self.limit = limit
        self._kind = dialect(connection).statements.kind
        self.say = say
        self._limits = contextlib.ExitStack()
        self._has_begun = self._is_own = False
        self._session_limit: float = DATA_SECONDS
        self._local_limit: tuple[Any, float] | None = (None, DATA_SECONDS)
        self._to_take: list[str] = []
        self._seconds_to_take = 0.0
        self._pause_seconds = FIRST_PAUSE
        self._wanted: tuple[Collection[str], str] = ((), "")
        self._failed: tuple[OperationalError, str] | None = None
        self.begin_migration("migrate")

    def begin(self) -> None:
        """Limit how long statements of the session wait for locks on rows; `end` undoes it."""
        if not self._has_begun:
            self._limits.enter_context(limited(self.connection, self.limit))
            self._has_begun = True

    def end(self) -> None:
        """Give the session back the limits that it had."""
        self._limits.close()
        self._has_begun = False

    def briefly(self) -> contextlib.AbstractContextManager[None]:
        """Within it nothing waits for SQLite's one writer for longer than a moment."""
        return self.native.briefly(self.connection)

    def begin_migration(self, name: str) -> None:
        """From here on the limit is that of this migration."""
        self._name = name
        self._waited = self._spent = 0.0
        self._told: float | None = None

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Within it, a statement that does not get its lock raises LockNotObtained, which names who has it."""
        try:
            yield
        except OperationalError as error:
            if not self.native.is_lock_failure(error):
                raise
            # What fails without a statement is a COMMIT.
            sql = self._failed[1] if self._failed and self._failed[0] is error else ""
            raise self._failure(words_of(sql), sql, waited="") from error
        finally:
            self._failed = None

    def noting(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Stand around each statement, as `connection.execute_wrapper` has it, so that `named` can name it."""
        try:
            return execute(sql, params, many, context)
        except OperationalError as error:
            self._failed = error, str(sql)
            raise

    def whole(
        self, names: Collection[str], run: Callable[[Callable[[], None]], Answer], *, may_retry: bool = True
    ) -> Answer:
        """Run a migration that rolls back whole, and again from its start while it does not get its locks.

        `run` is handed what it has to call first in the transaction: from then on all of the names that are tables are
        taken at once, before the first statement. What has called it is run again only if it `may_retry`; else the
        tables are taken in the call. Raises LockNotObtained.
        """
        tables = self.native.tables(self.connection, names) if names else []
        has_taken = False

        def take() -> None:
            nonlocal has_taken
            self._to_take = tables
            if not may_retry:
                self._take()
            has_taken = True

        def again() -> None:
            nonlocal has_taken
            if has_taken and not may_retry:
                raise self._failure(*self._wanted)
            has_taken = False

        self._wanted = (words_of(" ".join(tables)), f"LOCK TABLE {', '.join(tables)}" if tables else "")
        return self._attempts(*self._wanted, lambda _: run(take), again, whole=True)

    def inside(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Stand around each statement of such a migration, as `connection.execute_wrapper` has it."""
        return self.statement(str(sql), lambda _: execute(sql, params, many, context))

    def statement(self, sql: str, run: Callable[[str], Answer], again: Callable[[], None] = lambda: None) -> Answer:
        """Run a statement; outside a transaction, again and again while it does not get its lock.

        `run` is handed the statement, in which its limit may stand by then. `again` is called before each attempt but
        the first. Raises LockNotObtained, and inside a transaction what the database raises, as nothing but the end of
        the transaction lets go of the locks that it has.
        """
        if self._is_own:
            return run(sql)
        changes = self.native.changes_shape(sql)
        if not changes and self._kind(sql) is Kind.SESSION:
            # A savepoint that is taken back takes the limit back with it.
            self._local_limit = None
            return run(sql)
        self._take()
        self._wanted = (words_of(sql), sql)
        if self.connection.in_atomic_block and self.native.whole:
            self._limit_locally(BRIEF if changes else DATA_SECONDS)
            return run(sql)
        return self._attempts(*self._wanted, run, again) if changes else run(sql)

    def _take(self) -> None:
        tables, self._to_take = self._to_take, []
        if tables:
            if self._seconds_to_take:
                self._limit_locally(self._seconds_to_take)
            with self._own():
                self.native.take(self.connection, tables, waits=bool(self._seconds_to_take))

    def _limit_locally(self, seconds: float) -> None:
        block = self.connection.atomic_blocks[0]
        now = self._local_limit[1] if self._local_limit and self._local_limit[0] is block else self._session_limit
        if now != seconds or self._local_limit is None:
            with self._own():
                self.native.limit(self.connection, seconds, local=True)
        self._local_limit = (block, seconds)

    def _attempts(
        self,
        names: Collection[str],
        sql: str,
        run: Callable[[str], Answer],
        again: Callable[[], None],
        *,
        whole: bool = False,
    ) -> Answer:
        began, attempts, lost = time.monotonic(), 0, 0
        self._pause_seconds = FIRST_PAUSE
        builds = not whole and self.limit >= PATIENT and self.native.builds(sql)
        while True:
            # The first attempt does not wait where the engine has such; that disturbs nobody, so it needs no look.
            # Of a build it would be the end that fails, among those who come and go.
            looks = attempts or builds or (self.native.whole and not whole)
            seen = self._wait_outside(names, sql, began) if looks else Seen(exact=False)
            tried = time.monotonic()
            first_of_build = builds and not attempts
            seconds = self._seconds_in_queue(seen, sql, attempts, lost, tried - began, first_of_build=first_of_build)
            try:
                if whole:
                    self._seconds_to_take = seconds
                    if self.connection.in_atomic_block:
                        # An attempt that was taken back to its savepoint took its limit back with it.
                        self._local_limit = None
                    self.native.until(self.connection, seconds)
                    return run(sql)
                with self._limited(sql, seconds) as said:
                    return run(said)
            except OperationalError as error:
                if not self.native.is_lock_failure(error):
                    raise
            took = time.monotonic() - tried
            self._spent += took
            attempts, lost = attempts + 1, lost + (took > seconds + WORK_SECONDS)
            # Work that is lost is no waiting; it has a limit of its own.
            self._waited += min(took, seconds + WORK_SECONDS)
            if lost >= MOST_LOST:
                raise self._failure(names, sql)
            # What was refused may be another table than those that were waited for.
            names = {*names, *self._wanted[0]}
            self._pause(self._seen(names, sql), names, self._wanted[1])
            again()

    def _wait_outside(self, names: Collection[str], sql: str, began: float) -> Seen:
        """Wait for those who hold the tables for long; for those who come and go an attempt has to wait."""
        while names:
            seen = self._seen(names, sql)
            if not seen.exact or seen.longest < (LONG if time.monotonic() - began >= PATIENT else 2 * BRIEF):
                return seen
            self._pause(seen, names, sql)
        return Seen(brief=BRIEF)

    def _seconds_in_queue(
        self, seen: Seen, sql: str, attempts: int, lost: int, waited: float, *, first_of_build: bool
    ) -> float:
        own = self.native.own_limit(sql, self.limit - self._waited)
        if own is not None:
            if (others := self._seen(words_of(sql), "")).holders:
                self.say(f"{self._name} waits up to {own:.0f} s for {who_of(others)}; it needs {_what(sql)} ...")
            return own
        if lost and not seen.exact:
            return PATIENT
        if seen.missing and (first_of_build or attempts % BLIND_ATTEMPTS == BLIND_ATTEMPTS - 1):
            return PATIENT
        return seen.brief if first_of_build or waited >= PATIENT else min(seen.brief, BRIEF)

    @contextlib.contextmanager
    def _limited(self, sql: str, seconds: float) -> Iterator[str]:
        """Within it the statement that it yields, and it alone, waits no longer."""
        if said := self.native.limited(sql, seconds):
            yield said
            return
        with self._own():
            self.native.limit(self.connection, seconds)
        self._session_limit, self._local_limit = seconds, (None, seconds)
        try:
            yield sql
        finally:
            self._session_limit = DATA_SECONDS
            # A session that cannot be asked any more has no limits, and its next statement says so.
            with self._own(), contextlib.suppress(DatabaseError):
                self.native.limit(self.connection, DATA_SECONDS)

    def _seen(self, names: Collection[str], sql: str) -> Seen:
        with self._own():
            return self.native.seen(self.connection, names, sql)

    @contextlib.contextmanager
    def _own(self) -> Iterator[None]:
        before, self._is_own = self._is_own, True
        try:
            yield
        finally:
            self._is_own = before

    def _pause(self, seen: Seen, names: Collection[str], sql: str) -> None:
        if self._waited >= self.limit:
            raise self._failure(names, sql, seen)
        is_known = bool(seen.holders or seen.missing)
        if is_known and (self._told is None or self._waited - self._told >= TELL_SECONDS):
            self._told = self._waited
            self.say(f"{self._name} waits for {who_of(seen)}; it needs {_what(sql)} ...")
        time.sleep(self._pause_seconds)
        self._waited += self._pause_seconds
        self._spent += self._pause_seconds
        self._pause_seconds = min(POLL_SECONDS, 2 * self._pause_seconds)

    def _failure(
        self, names: Collection[str], sql: str, seen: Seen | None = None, waited: str | None = None
    ) -> LockNotObtained:
        try:
            seen = seen or self._seen(names, sql)
        except DatabaseError:
            seen = Seen(exact=False, missing="nothing can be asked in a transaction that has failed")
        waited = f"; waited {self._spent:.0f} s" if waited is None else waited
        return LockNotObtained(f"{self._name} did not get {_what(sql)} from {who_of(seen)}{waited}. {WAY_OUT}")


def _what(sql: str) -> str:
    return f"the lock of {shown(sql)}" if sql else "a lock"
