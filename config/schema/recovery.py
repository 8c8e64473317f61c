"""What was interrupted, what to do about it, and the doing.

Most of it is one more `migrate`: it goes on with what was begun. What no machine can know, a person decides here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from config.schema.claim import ClaimRow
from config.schema.dialects import dialect
from config.schema.dialects.statements import Kind
from config.schema.exclusion import exclusion_of
from config.schema.exits import Refused
from config.schema.journal import Journal, OperationEntry, StatementEntry
from config.schema.lock import SchemaLock
from config.schema.resume import DONE


@dataclass(frozen=True)
class Proposal:
    """Something that is not finished, in a sentence, and the command that goes on with it."""

    fault: str
    words: str
    migrate: tuple[str, ...] = ()
    """The arguments of `migrate`; none where it is another command."""
    other: str = ""

    @property
    def command(self) -> str:
        return self.other or " ".join(("migrate", *self.migrate))


def diagnose(connection: Any) -> list[Proposal]:
    """What was begun in this database and has not ended; writes nothing. Empty on a healthy database."""
    loader = MigrationLoader(connection)
    return [*_doubtful_holder(connection), *(_proposal(loader, step) for step in Journal(connection).open_steps())]


def _doubtful_holder(connection: Any) -> Iterator[Proposal]:
    claim = ClaimRow(connection, "")
    if (holder := claim.holder()) and (way_out := exclusion_of(claim).way_out(holder)):
        yield Proposal("held", f"The lock is held by {holder}; a cluster cannot tell whether it lives.", other=way_out)


def take_over(lock: SchemaLock, epoch: int, words: dict[str, str]) -> str:
    """Free the lock of the holder of this epoch, whom a person has found to be gone, and journal who says so and why.

    A holder that lives nevertheless stops before its next statement. Raises what `SchemaLock.take_over` raises, and
    Refused without a reason.
    """
    if not words["reason"]:
        raise Refused("A holder that may still live is taken over: say --reason with what you have seen of it.")
    holder = lock.who()
    lock.take_over(epoch)
    try:
        journal = Journal(lock.connection, lock.guard)
        journal.begin(lock_wait=lock.waited, **words)
        journal.end(None)
    finally:
        lock.release()
    return f"The lock was taken over from {holder}."


def _proposal(loader: MigrationLoader, step: Any) -> Proposal:
    if not step.backwards:
        return Proposal("interrupted", f"Applying {step} was interrupted; go on with it.", (step.app, step.name))
    node = loader.graph.node_map.get((step.app, step.name))
    before = sorted(parent.key[1] for parent in (node.parents if node else ()) if parent.key[0] == step.app)
    target = before[-1] if before else "zero"
    return Proposal("interrupted", f"Unapplying {step} was interrupted; go on with it.", (step.app, target))


def decide(lock: SchemaLock, decision: str, timeout: float, words: dict[str, str]) -> list[str]:
    """Record what a person says of the operations that nothing tells about: DONE or AGAIN; returns what was decided.

    Raises Refused where there is nothing to decide, and what `SchemaLock.take` raises after `timeout` seconds.
    """
    lock.take(timeout)
    try:
        journal = Journal(lock.connection)
        undecided = [row for step in journal.open_steps() for row in _undecided(journal, step)]
        if not undecided:
            raise Refused("Nothing here needs a decision; say migrate, which goes on with what was interrupted.")
        journal.begin(lock_wait=lock.waited, **words)
        for row in undecided:
            row.decision = decision
            row.ended_at = timezone.now() if decision == DONE else None
            row.save(using=lock.connection.alias)
        journal.end(None)
        return [f"{row.step} {row}: {decision}" for row in undecided]
    finally:
        lock.release()


def _undecided(journal: Journal, step: Any) -> list[Any]:
    """The operation of code, else the statement, in which the step was interrupted and which left no trace."""
    kind = dialect(journal.connection).statements.kind
    statements = journal.rows(StatementEntry).filter(step=step, ended_at=None)
    unknowable = [row for row in statements if kind(row.sql) is Kind.UNKNOWABLE]
    if unknowable:
        return unknowable
    open_operations = journal.rows(OperationEntry).filter(step=step, ended_at=None)
    return [row for row in open_operations if row.is_code]
