"""One runner at a time: takes the lock of a database, waits for it within a limit, and says who holds it."""

import functools
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings

from config.schema.claim import ClaimRow
from config.schema.dialects import dialect
from config.schema.exclusion import Exclusion, doubt, exclusion_of
from config.schema.exits import LockNotObtained, Refused, SchemaError

POLL_SECONDS = 0.1
TELL_SECONDS = 5.0


class SchemaLock:
    """The right to change the shape of one database, for one process at a time.

    The lock lives in the session of `connection`, which executes the DDL, and ends with it: a killed holder's lock is
    held by the server until its last statement has ended. On a cluster it is a row, which a killed holder leaves taken.
    """

    def __init__(self, connection: Any, *, release: str, pool: str = "", say: Callable[[str], None] = print) -> None:
        """`pool`: "session" where the operator vouches that a pooler keeps a session to one client."""
        self.connection = connection
        self.claim = ClaimRow(connection, release)
        self._pool = pool
        self.say = say
        self._taken = False
        self.waited = 0.0
        """Seconds that the last `take` waited."""

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
        self._refuse_a_pooler()
        self._refuse_obstacles()
        began, told = time.monotonic(), 0.0
        while not self.exclusion.try_take():
            waited = time.monotonic() - began
            if waited >= timeout:
                raise LockNotObtained(
                    f"The schema of {self._database} is being changed by {self.who()}; "
                    f"waited {waited:.0f} s. Let it finish and run this again, or give --lock-timeout more seconds."
                    f"{doubt(self.exclusion, self.claim.holder())}"
                )
            if waited - told >= TELL_SECONDS or not told:
                told = max(waited, 0.001)
                self.say(f"Waiting for {self.who()}, who changes the schema of {self._database} ...")
            time.sleep(min(POLL_SECONDS, max(timeout - waited, 0.001)))
        self._taken = True
        self.waited = time.monotonic() - began
        return True

    def take_over(self, epoch: int) -> None:
        """Take the lock from the holder of this epoch, whom a person has found to be gone.

        Raises Refused where the lock itself shows whether a holder lives, and where it is not held by that one.
        Waits without a limit for what a server still executes for the old holder.
        """
        self._refuse_a_pooler()
        if not self.exclusion.take_over(epoch):
            raise Refused(f"The lock of {self._database} is not held by number {epoch} (any more): see schema_status.")
        self._taken = True
        self.waited = 0.0

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
        self._taken = False
        return SchemaError(f"The schema lock of {self._database} {self.exclusion.lost}")

    def step(self, words: str) -> None:
        """Check that the lock is still held, and say in the claim at which step the work is."""
        self.check()
        self.claim.step(words)

    def release(self) -> None:
        """Let go. Raises SchemaError where the lock turns out not to have been held to the end."""
        if not self._taken:
            return
        self._taken = False
        usable = self.connection.connection is not None and self.connection.is_usable()
        if usable and not self.exclusion.release():
            raise SchemaError(f"The schema lock of {self._database} {self.exclusion.not_kept}")

    def _refuse_a_pooler(self) -> None:
        self.connection.ensure_connection()
        if self._pool != "session" and dialect(self.connection).is_pooled(self.connection):
            raise Refused(
                f"{self._database} is reached through a pooler, where a session's lock goes astray; set "
                "DATABASE_MIGRATE_URL to a direct address (or SCHEMA_POOL=session if it keeps sessions)."
            )

    def _refuse_obstacles(self) -> None:
        if found := dialect(self.connection).obstacles(self.connection):
            raise Refused("Nothing was run. " + " ".join(f"{each.words} {each.way}" for each in found))

    @property
    def _database(self) -> str:
        return str(self.connection.settings_dict["NAME"])


def lock_of(connection: Any, *, say: Callable[[str], None] = print) -> SchemaLock:
    """The lock of a connection, as the settings RELEASE and SCHEMA_POOL have it; a project need not set them."""
    return SchemaLock(
        connection,
        release=getattr(settings, "RELEASE", "unknown release"),
        pool=getattr(settings, "SCHEMA_POOL", ""),
        say=say,
    )
