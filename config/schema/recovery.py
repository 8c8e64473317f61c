"""What is not as it should be, what to do about it, and the doing.

Much of it is one more `migrate`: it goes on with what was begun. What no machine can know, a person decides here.
"""

import contextlib
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from config.schema.backfill import paused_backfill, way_on, words_of
from config.schema.claim import ClaimRow
from config.schema.drift import applied_differences, applied_state, lacking, unrecorded
from config.schema.drift.mend import create_table as make_table
from config.schema.exclusion import Exclusion, exclusion_of
from config.schema.exits import Refused
from config.schema.journal import DONE, Journal, Run
from config.schema.lock import SchemaLock
from config.schema.watched import flattened


@dataclass(frozen=True)
class Proposal:
    """One thing that can be mended: the fault and its subject as in `Issue`, a sentence, and how."""

    fault: str
    subject: str
    words: str
    migrate: tuple[str, ...] = ()
    """The arguments of `migrate` that mend it."""
    back: tuple[str, str] | None = None
    """Else the migration that is unapplied, and no other."""
    record: Any = None
    """Else the migration that is recorded as applied."""
    sql: tuple[str, ...] = ()
    """Else the statements that do."""
    by_name: bool = False
    """Done only where somebody asks for the subject by its name."""
    other: str = ""
    """Else the command, where a person has to look first."""
    needs_person: bool = False
    """Whether a person has to do first what the words say; then there is no command."""

    @property
    def command(self) -> str:
        """The command that mends this and nothing else; empty where a person has to act first."""
        if self.needs_person or self.other:
            return self.other
        which = "--create-table" if self.by_name else "--only"
        return shlex.join(("schema_recover", "--apply", which, self.subject or self.fault))


def diagnose(connection: Any) -> list[Proposal]:
    """What can be mended in this database; writes nothing. Empty on a healthy database, and while a live run works."""
    claim = ClaimRow(connection, "")
    exclusion = exclusion_of(claim)
    if exclusion.is_taken():
        return list(_doubtful_holder(claim, exclusion))
    executor: Any = MigrationExecutor(connection)
    journal = Journal(connection)
    if gone := journal.missing():
        words = f"The journal has lost {', '.join(gone)}; make them again, empty, or restore a back-up."
        return [Proposal("missing_journal", "", words)]
    begun = [_proposal(journal, executor.loader, step) for step in journal.open_steps()]
    if begun:
        return begun
    to_record = [each for each, _ in unrecorded(connection, executor)]
    found = [*_dead_run(connection), *map(_to_record, to_record)]
    also = {(each.app_label, each.name) for each in to_record}
    for each in applied_differences(connection, executor, also=also):
        if each.kind == "invalid_index":
            found.append(Proposal(each.kind, each.subject, f"{each.words} Build it again.", sql=each.sql))
        elif each.kind == "missing_table":
            found.append(_missing(each.subject))
    return found


def _to_record(migration: Any) -> Proposal:
    words = f"{migration} has been applied here, and is not recorded so; record it."
    return Proposal("unrecorded", str(migration), words, record=migration)


def _missing(table: str) -> Proposal:
    words = f"The table {table} is not there; restore a back-up, or ask for an empty one by its name."
    return Proposal("missing_table", table, words, by_name=True)


def _doubtful_holder(claim: ClaimRow, exclusion: Exclusion) -> Iterator[Proposal]:
    if (holder := claim.holder()) and (way_out := exclusion.way_out(holder)):
        yield Proposal(
            "held", "", f"The lock is held by {holder}; a cluster cannot tell whether it lives.", other=way_out
        )


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


def _proposal(journal: Journal, loader: MigrationLoader, step: Any) -> Proposal:
    key, subject, words = (step.app, step.name), str(step), f"{journal.words_of(step)} was interrupted"
    if paused := paused_backfill(journal, step):
        return Proposal("paused", subject, f"{words_of(paused)}. {way_on(paused)}", needs_person=True)
    if key not in loader.graph.nodes:
        words += ", and its file is gone; bring the file back, then say schema_recover --apply."
        return Proposal("interrupted", subject, words, needs_person=True)
    if undecided := journal.undecided(step):
        known = "; ".join(journal.evidence(step, _number(row)) for row in undecided)
        words += (
            f"{journal.position(step)}, and nothing tells whether that has happened: {known}. Look whether its work is "
            "there: if it is, say schema_recover --apply --done, else schema_recover --apply --again."
        )
        return Proposal("undecided", subject, words, needs_person=True)
    back = key if step.backwards else None
    return Proposal("interrupted", subject, f"{words}; go on with it.", migrate=() if back else key, back=back)


def _number(row: Any) -> int:
    """The number of the operation that a row of the journal is about."""
    return int(getattr(row, "operation", getattr(row, "number", 0)))


def _dead_run(connection: Any) -> Iterable[Proposal]:
    holder = ClaimRow(connection, "").holder()
    if holder or Journal(connection).rows_if_any(Run, ended_at=None):
        yield Proposal("dead_run", "", f"A run ended without saying so: {holder or 'its process is gone'}; close it.")


def create_table(lock: SchemaLock, table: str, timeout: float, words: dict[str, str]) -> None:
    """Make a missing table empty, as the applied migrations have it, without partitions.

    Raises Refused where it is not missing, and what `SchemaLock.take` raises after `timeout` seconds.
    """
    with run_under_lock(lock, timeout, words):
        state = applied_state(MigrationExecutor(lock.connection))
        if table not in {each.table for each in lacking(lock.connection, state, {table})}:
            raise Refused(f"{table} is no table that is missing here; schema_status names those that are.")
        made = state.apps.get_models(include_auto_created=True)
        model = next(model for model in made if model._meta.db_table == table)
        with lock.connection.schema_editor() as editor:
            make_table(editor, model)


def mend(lock: SchemaLock, proposal: Proposal, timeout: float, words: dict[str, str]) -> None:
    """Record the migration of a proposal, or run its statements, or close a dead run.

    The native lock proves that nobody else works. Raises what `SchemaLock.take` raises after `timeout` seconds.
    """
    with run_under_lock(lock, timeout, words) as journal:
        if proposal.record:
            _record(journal, proposal.record)
        with lock.connection.cursor() as cursor:
            for statement in proposal.sql:
                cursor.execute(statement)


def _record(journal: Journal, migration: Any) -> None:
    """As `migrate --fake` does, which Django refuses for what lies below something that is recorded."""
    with transaction.atomic(using=journal.connection.alias):
        journal_as_faked(journal, migration)
        MigrationRecorder(journal.connection).record_applied(migration.app_label, migration.name)


def journal_as_faked(journal: Journal, migration: Any) -> None:
    """Write into the journal that a migration was recorded without being run; in the transaction that records it."""
    described = [("", each.describe()) for each in flattened(migration.operations)]
    step = journal.begin_step(migration, described, backwards=False, in_one_transaction=True)
    step.faked = True
    journal.end_step(step)


def decide(lock: SchemaLock, decision: str, timeout: float, words: dict[str, str]) -> list[str]:
    """Record what a person says of the operations that nothing tells about: DONE or AGAIN; returns what was decided.

    Raises Refused where there is nothing to decide, and what `SchemaLock.take` raises after `timeout` seconds.
    """
    with run_under_lock(lock, timeout, words) as journal:
        undecided = [row for step in journal.open_steps() for row in journal.undecided(step)]
        if not undecided:
            raise Refused("Nothing here needs a decision; say migrate, which goes on with what was interrupted.")
        for row in undecided:
            row.decision = decision
            row.ended_at = timezone.now() if decision == DONE else None
            row.save(using=lock.connection.alias)
        return [f"{row.step} {row}: {decision}" for row in undecided]


@contextlib.contextmanager
def run_under_lock(lock: SchemaLock, timeout: float, words: dict[str, str]) -> Iterator[Journal]:
    """A run of its own under the lock; that it begins closes one whose process is gone."""
    journal = Journal(lock.connection)
    lock.take(timeout)
    try:
        journal.begin(lock_wait=lock.waited, **words)
        yield journal
        journal.end(None)
    except BaseException as error:
        with contextlib.suppress(DatabaseError):
            journal.end(error)
        raise
    finally:
        lock.release()
