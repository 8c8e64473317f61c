"""The rows of the journal that tell how far one step came: what an earlier run has left, and what this one writes."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import DatabaseError, transaction

from config.schema.journal import AGAIN, FAILED, AnswerEntry, Journal, OperationEntry, StatementEntry


class Entries:
    """What is known of the operations, the statements and the answers of the catalogue of a step.

    Rows that only say that something is over wait in `_later` and are written together with the next row that has to
    be there before something happens: one commit a statement. Lost with a kill, they are found out again. The end of
    a statement that commits by itself waits in `_ended` until the step ends: the row of a later one tells it too.
    An error is no kill: `fail` writes what has ended.
    """

    def __init__(self, journal: Journal, step: Any) -> None:
        self.journal, self.step = journal, step
        self.operations = {row.number: row for row in self._left(OperationEntry)}
        self.statements = {(row.operation, row.number): row for row in self._left(StatementEntry)}
        self.answers = {(row.operation, row.number): row for row in self._left(AnswerEntry)}
        self.in_transaction = False
        """Whether the migration itself has begun one, with a statement; in it no row is written but a statement's."""
        self.is_own = False
        """Whether a statement is the journal's own."""
        self._later: list[Any] = []
        self._ended: list[Any] = []

    def _left(self, model: Any) -> Iterable[Any]:
        """What an earlier run has left; this one begins with nothing."""
        return () if self.step.run_id == self.journal.run.pk else self.journal.rows(model).filter(step=self.step)

    @contextlib.contextmanager
    def own(self) -> Iterator[None]:
        """Within it, statements are the journal's own."""
        before, self.is_own = self.is_own, True
        try:
            yield
        finally:
            self.is_own = before

    @property
    def are_waiting(self) -> bool:
        """Whether rows wait for the next one that is written."""
        return bool(self._later)

    def write_later(self, row: Any) -> None:
        self._later.append(row)

    def write_in_the_end(self, row: Any) -> None:
        """The end of a statement, which the row of any later one tells, too."""
        self._ended.append(row)

    def write(self, *rows: Any) -> None:
        """Write these rows and all that waited for them, in one transaction."""
        rows = rows if self.in_transaction else (*self._later, *rows)
        alias = self.journal.connection.alias
        together = not self.in_transaction and (len(rows) > 1 or self.journal.guard is not None)
        with self.own(), transaction.atomic(using=alias) if together else contextlib.nullcontext():
            self.journal.check()
            for row in rows:
                row.save(using=alias)
        if not self.in_transaction:
            self._later.clear()

    def finish(self) -> None:
        """Write all that still waits; inside the transaction that ends the step."""
        self.write()
        with self.own():
            self.journal.rows(StatementEntry).bulk_update(self._ended, ["ended_at"], batch_size=100)
        self._ended.clear()

    def fail(self, operation: int, *, undo: str, may_be_mended: bool) -> None:
        """Write which statements ended before an operation failed; what was rolled back has no row any more.

        `undo`: the statement after which the journal can be written again, where one is needed.
        """
        connection = self.journal.connection
        ended = [*self._ended, *(row for row in self._later if isinstance(row, StatementEntry))]
        # A session that is gone writes nothing, as after a kill.
        with self.own(), contextlib.suppress(DatabaseError):
            if undo:
                with connection.cursor() as cursor:
                    cursor.execute(undo)
            if not connection.in_atomic_block and may_be_mended:
                begun = self.journal.rows(OperationEntry).filter(step=self.step, number=operation, ended_at=None)
                begun.filter(is_code=False).update(decision=FAILED)
            if ended and not connection.in_atomic_block:
                self.journal.rows(StatementEntry).bulk_update(ended, ["ended_at", "decision"], batch_size=100)

    def may_be_mended(self, number: int) -> bool:
        """Whether an operation that was begun ended with an error, so that none of its statements is in doubt.

        What has ended must come again as it was. Of code a person has said that it may run again.
        """
        entry = self.operations[number]
        if entry.ended_at or entry.decision != (AGAIN if entry.is_code else FAILED):
            return False
        return all(row.ended_at or row.decision == FAILED for row in self._statements_of(number))

    def mended(self, numbers: Iterable[int]) -> None:
        """Take these operations for others: where nothing of one was done, the catalogue is asked anew."""
        for number in numbers:
            if not any(row.ended_at for row in self._statements_of(number)):
                self.answers = {key: row for key, row in self.answers.items() if key[0] != number}
                with self.own():
                    self.journal.rows(AnswerEntry).filter(step=self.step, operation=number).delete()

    def _statements_of(self, number: int) -> list[Any]:
        return [row for (operation, _), row in self.statements.items() if operation == number]
