"""One runner at a time: takes the lock of a database, waits for it within a limit, and says who holds it."""

import functools
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import DatabaseError, OperationalError

from config.schema.claim import Claim, ClaimRow
from config.schema.dialects import dialect
from config.schema.dialects.waits import DATA_SECONDS, PATIENT, who_of
from config.schema.exclusion import Exclusion, doubt, exclusion_of
from config.schema.exits import Hindered, LockNotObtained, Refused, SchemaError
from config.schema.waits import WAY_OUT, limited

POLL_SECONDS = 0.02
TELL_SECONDS = 5.0
TAKE_OVER_SECONDS = 60.0
CLAIMS = Claim._meta.db_table


class SchemaLock:
    """The right to change the shape of one database, for one process at a time.

    The lock lives in the session of `connection`, which executes the DDL, and ends with it: a killed holder's lock is
    held by the server until its last statement has ended. On a cluster it is a row, which a killed holder leaves taken.
    What is begun on that connection while it is held, such as a `migrate` of a `post_migrate` handler, is part of the
    same work and shares it.
    """

    def __init__(self, connection: Any, *, release: str, pool: str = "", say: Callable[[str], None] = print) -> None:
        """`pool`: "session" where the operator vouches that a pooler keeps a session to one client."""
        self.connection = connection
        self.claim = ClaimRow(connection, release)
        self._pool = pool
        self.say = say
        self._native = dialect(connection).waits
        self._taken = self._shares = False
        self.waited = 0.0
        """Seconds that the last `take` waited."""
        self.at = ""
        """At which step the work is, in words."""

    @functools.cached_property
    def exclusion(self) -> Exclusion:
        """The lock proper; the first use asks the server."""
        return exclusion_of(self.claim)

    @property
    def is_taken(self) -> bool:
        return self._taken

    def take(self, timeout: float) -> bool:
        """Take the lock, waiting at most `timeout` seconds (0: not at all); False where it was taken already.

        Raises LockNotObtained, naming the holder, and Refused behind a transaction pooler and where anything stands in
        the way of every migration.
        """
        if self._taken:
            return False
        if around := getattr(self.connection, "schema_lock", None):
            self.claim, self.exclusion, self._taken, self._shares = around.claim, around.exclusion, True, True
            return True
        self._refuse_a_pooler()
        with limited(self.connection, timeout, _rows(timeout)):
            self._refuse_obstacles()
            self._poll(self.exclusion.try_take, timeout)
        return True

    def wait_until_free(self, timeout: float) -> None:
        """Wait at most `timeout` seconds until nobody changes the schema; takes nothing. Raises LockNotObtained."""
        began = time.monotonic()
        while self.exclusion.is_taken():
            if (waited := time.monotonic() - began) >= timeout:
                self._row_held = False
                raise self._not_obtained(waited)
            time.sleep(POLL_SECONDS)

    def _poll(self, try_take: Callable[[], bool], timeout: float) -> None:
        began, told = time.monotonic(), 0.0
        while not self._got(try_take):
            waited = time.monotonic() - began
            if waited >= timeout or (self._row_held and self.connection.in_atomic_block):
                raise self._not_obtained(waited)
            if waited - told >= TELL_SECONDS or not told:
                told = max(waited, 0.001)
                self.say(self._waiting())
            time.sleep(min(POLL_SECONDS, max(timeout - waited, 0.001)))
            self._native.until(self.connection, timeout - waited)
        self.connection.schema_lock = self
        self._taken = True
        self.waited = time.monotonic() - began

    def _got(self, try_take: Callable[[], bool]) -> bool:
        self._row_held = False
        try:
            return try_take()
        except OperationalError as error:
            if not self._native.is_lock_failure(error):
                raise
            self._row_held = True
            return False

    def _not_obtained(self, waited: float) -> LockNotObtained:
        if self._row_held:
            return LockNotObtained(
                f"The row of {CLAIMS} that says who changes the schema of {self._database} is held by "
                f"{self._who_holds_the_row()}; waited {waited:.0f} s. {WAY_OUT}"
            )
        return LockNotObtained(
            f"The schema of {self._database} is being changed by {self.who()}; "
            f"waited {waited:.0f} s. Let it finish and run this again, or give --lock-timeout more seconds."
            f"{doubt(self.exclusion, self.claim.holder())}"
        )

    def _waiting(self) -> str:
        if self._row_held:
            return f"Waiting for {self._who_holds_the_row()}; the row of {CLAIMS} in {self._database} is held ..."
        return f"Waiting for {self.who()}, who changes the schema of {self._database} ..."

    def _who_holds_the_row(self) -> str:
        try:
            return who_of(self._native.seen(self.connection, {CLAIMS}))
        except DatabaseError:
            return "somebody who cannot be seen"

    def take_over(self, epoch: int, timeout: float = TAKE_OVER_SECONDS) -> None:
        """Take the lock from the holder of this epoch, whom a person has found to be gone.

        Raises Refused where the lock itself shows whether a holder lives, and where it is not held by that one.
        Waits at most `timeout` seconds for locks that a server still holds for the old holder; then LockNotObtained.
        """
        self._refuse_a_pooler()

        def take() -> bool:
            if not self.exclusion.take_over(epoch):
                raise Refused(
                    f"The lock of {self._database} is not held by number {epoch} (any more): see schema_status."
                )
            return True

        with limited(self.connection, timeout, _rows(timeout)):
            self._poll(take, timeout)

    def who(self) -> str:
        """The holder by the claim row, else by what the server shows, else unknown."""
        return str(self.claim.holder() or self.exclusion.holder() or "an unknown holder")

    def check(self) -> None:
        """Raise SchemaError where the lock has been lost."""
        if self._taken and not self.exclusion.is_held():
            raise self._lost()

    @property
    def guard(self) -> Callable[[], None] | None:
        """What every transaction that does work has to call; None where its session is the lock."""
        return self._guard if self.exclusion.guards_commits else None

    def _guard(self) -> None:
        """Let the transaction in which this is called commit only if the lock is held then.

        Raises SchemaError where it is lost already; later the COMMIT itself fails.
        """
        if self._taken and not self.exclusion.lets_commit():
            raise self._lost()

    def _lost(self) -> SchemaError:
        self._forget()
        return SchemaError(f"The schema lock of {self._database} {self.exclusion.lost}")

    def step(self, words: str) -> None:
        """Check that the lock is still held, and say in the claim at which step the work is."""
        self.check()
        self.at = words
        with self.claim.beside_the_work(), self._native.briefly(self.connection):
            self.claim.step(words)

    def release(self) -> None:
        """Let go. Raises SchemaError where the lock turns out not to have been held to the end."""
        if not self._taken:
            return
        shares = self._shares
        self._forget()
        if shares:
            return
        usable = self.connection.connection is not None and self.connection.is_usable()
        if usable and not self.exclusion.release():
            raise SchemaError(f"The schema lock of {self._database} {self.exclusion.not_kept}")

    def _forget(self) -> None:
        if not self._shares:
            self.connection.schema_lock = None
        self._taken = self._shares = False

    def _refuse_a_pooler(self) -> None:
        self.connection.ensure_connection()
        if self._pool != "session" and dialect(self.connection).is_pooled(self.connection):
            raise Refused(
                f"{self._database} is reached through a pooler, where a session's lock goes astray; set "
                "DATABASE_MIGRATE_URL to a direct address (or SCHEMA_POOL=session if it keeps sessions)."
            )

    def _refuse_obstacles(self) -> None:
        if found := dialect(self.connection).obstacles(self.connection):
            raise Hindered("Nothing was run. " + " ".join(f"{each.words} {each.way}" for each in found))

    @property
    def _database(self) -> str:
        return str(self.connection.settings_dict["NAME"])


def _rows(timeout: float) -> float:
    """How long one statement about the claim row waits; the row is waited for again until all time is out."""
    return max(PATIENT, min(timeout, DATA_SECONDS))


def lock_of(connection: Any, *, say: Callable[[str], None] = print) -> SchemaLock:
    """The lock of a connection, as the settings RELEASE and SCHEMA_POOL have it; a project need not set them."""
    return SchemaLock(
        connection,
        release=getattr(settings, "RELEASE", "unknown release"),
        pool=getattr(settings, "SCHEMA_POOL", ""),
        say=say,
    )
