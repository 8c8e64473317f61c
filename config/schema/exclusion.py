"""What keeps two runners of one database apart: the session's own lock, or on a cluster the claim row."""

from collections.abc import Callable
from typing import Protocol

from django.db import DatabaseError

from config.schema.claim import ClaimRow, Holder
from config.schema.dialects import dialect
from config.schema.dialects.locks import Cluster, NativeLock
from config.schema.dialects.waits import PATIENT
from config.schema.exits import Refused
from config.schema.waits import limited

TRIES = 3


class Exclusion(Protocol):
    """One lock, and what is to be said about it."""

    lost: str
    """How it can have been lost in the middle, after the words "The schema lock of X"."""
    not_kept: str
    """The same, where it turns out in the end."""
    guards_commits: bool
    """Whether `lets_commit` has to be asked in every transaction that does work."""

    def try_take(self) -> bool:
        """Take the lock and the claim row, if the lock is free."""

    def take_over(self, epoch: int) -> bool:
        """Take the lock from the holder of this epoch, whom a person found to be gone; False where it has passed on.

        Raises Refused where no person needs to say so.
        """

    def is_held(self) -> bool:
        """Whether this process holds the lock now."""

    def lets_commit(self) -> bool:
        """Inside a transaction: False where it must not commit. After True, its COMMIT fails if the lock is lost."""

    def is_taken(self) -> bool:
        """Whether anybody holds the lock now; writes nothing."""

    def release(self) -> bool:
        """Free the claim row and let the lock go; False where this process did not hold it."""

    def holder(self) -> str | None:
        """Who holds the lock, for want of a claim row that says it."""

    def way_out(self, holder: Holder) -> str:
        """The command for a holder that a person finds to be gone; empty where the lock shows whether it lives."""


class SessionLock:
    """The native lock of an engine. Whoever gets it has proved that the former holder is gone."""

    lost = "was lost with its session; nothing more was run. Run it again."
    not_kept = "was not held to the end; see what ran beside this."
    guards_commits = False

    def __init__(self, claim: ClaimRow, native: NativeLock) -> None:
        self._claim, self._native = claim, native
        self._connection = claim.connection

    def try_take(self) -> bool:
        if not self._native.try_take(self._connection):
            return False
        try:
            self._claim.take()
        except BaseException:
            if self._connection.connection is not None and self._connection.is_usable():
                self.release()
            raise
        return True

    def take_over(self, epoch: int) -> bool:
        raise Refused("Here the server's own lock ends with its holder, so nothing is taken over: say migrate.")

    def is_held(self) -> bool:
        return self._native.is_held(self._connection)

    def lets_commit(self) -> bool:
        """The transaction ends with the session, as the lock does."""
        return True

    def is_taken(self) -> bool:
        return self._native.is_taken(self._connection)

    def release(self) -> bool:
        """The row is for others to read; whoever takes the lock next writes it anew."""
        with self._claim.beside_the_work(), limited(self._connection, PATIENT, PATIENT):
            self._claim.clear()
        return self._native.release(self._connection)

    def holder(self) -> str | None:
        return self._native.holder(self._connection)

    def way_out(self, holder: Holder) -> str:
        return ""


class RowLock:
    """The claim row as the lock itself, on a cluster whose servers do not see the sessions of each other.

    Every change is a compare-and-set in autocommit: of two at once the cluster lets one commit. The row has no expiry,
    as the heartbeat of a live holder queues behind its own DDL.
    """

    lost = "was taken over from this process, which runs nothing more. See schema_status for who has it now."
    not_kept = lost
    guards_commits = True

    def __init__(self, claim: ClaimRow, cluster: Cluster) -> None:
        self._claim, self._cluster = claim, cluster

    def try_take(self) -> bool:
        """Look first: reading waits for nobody, while a write queues behind the DDL of whoever holds the row."""
        if self.is_taken():
            return False
        try:
            self._claim.ensure_table()
            return self._claim.take_free()
        except DatabaseError as error:
            if self._cluster.was_beaten(error):
                return False
            raise

    def take_over(self, epoch: int) -> bool:
        """Waits for the DDL of the old holder that a server still executes."""
        return self._settled(lambda: self._claim.take_over(epoch))

    def is_held(self) -> bool:
        """Answered by a write: a node may read what is outdated, and cannot commit upon it."""
        return self._settled(self._claim.touch)

    def lets_commit(self) -> bool:
        """The row is written with what depends on it, so that a take-over and this transaction exclude each other."""
        try:
            return self._claim.touch()
        except DatabaseError as error:
            if self._cluster.was_beaten(error):
                return False
            raise

    def is_taken(self) -> bool:
        return self._claim.holder() is not None

    def release(self) -> bool:
        with limited(self._claim.connection, PATIENT, PATIENT):
            return self._settled(self._claim.clear)

    def holder(self) -> str | None:
        return None

    def way_out(self, holder: Holder) -> str:
        """Names the claim that was looked at, so that nobody takes over from one that came after it."""
        return f"schema_recover --apply --take-over {holder.epoch} --reason WHY"

    def _settled(self, change: Callable[[], bool]) -> bool:
        """A change that lost against another is made again, and then meets what the other has written."""
        for _ in range(TRIES - 1):
            try:
                return change()
            except DatabaseError as error:
                if not self._cluster.was_beaten(error):
                    raise
        return change()


def doubt(exclusion: Exclusion, holder: Holder | None) -> str:
    """What else to say, after a space, of a holder of whom nobody can tell whether it lives; else nothing."""
    way_out = exclusion.way_out(holder) if holder else ""
    return way_out and f" A cluster cannot tell whether it lives: look, and if it is gone say {way_out}."


def exclusion_of(claim: ClaimRow) -> Exclusion:
    """What keeps two runners apart in the database of this claim; asks the server whether it belongs to a cluster."""
    answers = dialect(claim.connection)
    if answers.cluster and answers.cluster.is_member(claim.connection):
        return RowLock(claim, answers.cluster)
    return SessionLock(claim, answers.lock)
