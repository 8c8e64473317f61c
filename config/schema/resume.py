"""Runs a migration that no transaction holds together, so that it can be gone on with wherever it was killed.

Every statement is journalled. A second run does the begun operations again from their start and passes over what is
done. Django renders SQL from the live catalogue, so the answers that the catalogue gave are journalled and given
again; then the same statements come out, in the same order.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from django.db import DatabaseError, transaction
from django.db.migrations.operations import RunPython, RunSQL
from django.db.migrations.operations.base import Operation
from django.utils import timezone

from config.schema.answers import read, written
from config.schema.dialects import dialect
from config.schema.dialects.session import SessionState, asks_of_the_one_before
from config.schema.dialects.statements import Kind, opens_transaction, statement_digest, without_secrets
from config.schema.entries import Entries
from config.schema.exits import Interrupted, LockNotObtained, Refused
from config.schema.journal import AGAIN, FAILED, AnswerEntry, Journal, OperationEntry, StatementEntry
from config.schema.place import Place, place
from config.schema.waits import Waits

CHOICE = (
    "Look whether its work is there, then say schema_recover --apply --done to take it as done, "
    "or schema_recover --apply --again to run it again from its start."
)


class Progress:
    """What is done now of a step of which an earlier run may have left something, as its journal tells."""

    def __init__(self, journal: Journal, step: Any, editor: Any, waits: Waits) -> None:
        self.journal, self.step, self.editor, self.waits = journal, step, editor, waits
        self.connection = journal.connection
        self.statements_of = dialect(self.connection).statements
        self.entries = Entries(journal, step)
        self.operation = -1
        self._inner: Operation | None = None
        self._next_statement = self._next_answer = 0
        self._count = len(json.loads(step.operations))
        self._last = max((self._place(*key) for key in self.entries.statements), default=None)
        self._session = SessionState()
        self._left_in_session = False
        self._last_id = 0
        self._keeps_its_place = False
        """Whether what failed last tells by itself how far it came, and so is neither done again nor mended."""
        self._shut_out: Any = None
        """The row of a statement since which the journal cannot be reached."""

    def fail(self) -> None:
        """Write what has ended before the step failed."""
        undo = "UNLOCK TABLES" if self._shut_out else "ROLLBACK" if self.entries.in_transaction else ""
        self.entries.fail(self.operation, undo=undo, may_be_mended=not self._keeps_its_place)

    # Operations

    def run_operation(self, number: int, operation: Operation, run: Callable[[], None]) -> None:
        """Run one operation, or go on with it, or pass over it."""
        entry = self.entries.operations.get(number)
        if isinstance(operation, RunPython):
            self._run_python(number, entry, run)
            return
        if entry and entry.ended_at and entry.deferred is None:
            self._session.pass_over()
            return
        if getattr(operation, "keeps_its_place", False):
            self._run_in_its_place(number, entry, run)
            return
        if entry is None:
            entry = OperationEntry(step=self.step, number=number, is_code=False, started_at=timezone.now())
            self.entries.write_later(entry)
        before, self._left_in_session = self._deferred(), False
        with self._at(number, operation):
            run()
            if self._shut_out and not self._shut_out.ended_at:
                raise Interrupted(
                    f"{self._where()} ends between LOCK TABLES and UNLOCK TABLES, where its journal cannot be reached. "
                    f"Say both in one operation. {CHOICE}"
                )
        if any(
            key[0] == number and key[1] >= self._next_statement and self.entries.statements[key].ended_at
            for key in self.entries.statements
        ):
            raise Interrupted(f"{self._where()} has fewer statements than were run of it; put back those that were.")
        after = self._deferred()
        if entry.ended_at and entry.deferred not in (None, after):
            raise Interrupted(f"{self._where()} rendered other SQL for its end than it did when it was run first.")
        if not entry.ended_at:
            entry.ended_at = timezone.now()
            entry.deferred = after if after != before or self._left_in_session else None
            self.entries.write_later(entry)

    def _run_python(self, number: int, entry: Any, run: Callable[[], None]) -> None:
        if entry and entry.ended_at:
            self._session.pass_over()
            return
        if entry and entry.decision != AGAIN:
            self.operation = number
            came = self.journal.evidence(self.step, number)
            raise Interrupted(f"{self._where()} runs code outside a transaction and was interrupted; {came}. {CHOICE}")
        entry = entry or OperationEntry(step=self.step, number=number, is_code=True)
        entry.started_at, entry.decision = timezone.now(), None
        if self.connection.in_atomic_block:
            self.entries.write_later(entry)
        else:
            self.entries.write(entry)
        with self._at(number, None):
            run()
        entry.ended_at = timezone.now()
        self.entries.write(entry)

    def _run_in_its_place(self, number: int, entry: Any, run: Callable[[], None]) -> None:
        """Run an operation that journals its own batches: none of its statements is journalled here."""
        entry = entry or OperationEntry(step=self.step, number=number, is_code=False, started_at=timezone.now())
        entry.decision = None
        self.entries.write(entry)
        here = Place(self.journal, self.step, number, self.waits)
        token = place.set(here)
        try:
            with self._at(number, None), self.entries.own():
                run()
        except BaseException:
            self._keeps_its_place = here.has_begun
            raise
        finally:
            place.reset(token)
        entry.ended_at = timezone.now()
        self.entries.write_later(entry)

    def run_deferred(self, number: int) -> None:
        """Run what the schema editor kept for the end, as one more operation."""
        with self._at(number, None):
            self._inner = DEFERRED
            for sql in self.editor.deferred_sql:
                self.editor.execute(sql, None)
        self.editor.deferred_sql.clear()

    @contextlib.contextmanager
    def _at(self, number: int, operation: Operation | None) -> Iterator[None]:
        self.operation, self._inner = number, operation
        self._next_statement = self._next_answer = 0
        try:
            yield
        finally:
            self._inner = None

    def _deferred(self) -> str:
        return hashlib.sha256("\n".join(map(str, self.editor.deferred_sql)).encode()).hexdigest()

    def _where(self) -> str:
        described = json.loads(self.step.operations)
        words = described[self.operation][1] if self.operation < len(described) else "what Django keeps for the end"
        return f"{self.step} operation {self.operation + 1} of {len(described)} ({words})"

    # Statements

    def statement(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Stand around each statement of the connection, as `connection.execute_wrapper` has it."""
        if self.entries.is_own or self.operation < 0:
            return execute(sql, params, many, context)
        text = str(sql)

        def run(said: str) -> Any:
            if self._is_held():
                return execute(sql if said == text else said, params, many, context)
            self._recall(text)
            result = execute(sql if said == text else said, params, many, context)
            last_id = self.statements_of.last_id(self.connection, text)
            self._last_id = self._last_id if last_id is None else last_id
            return result

        if self._inner is None:
            return self._of_code(text, run)
        if self._shut_out:
            return self._while_shut_out(text, run)
        kind = Kind.SESSION if self._session.is_own(text) else self.statements_of.kind(text)
        if kind is Kind.SESSION:
            self._left_in_session = True
            self._session.run(text, changed=self._was_changed_after())
            return self._of_session(text, run)
        if kind is Kind.READ and isinstance(self._inner, RunSQL):
            # Nobody takes its answer, so it is there for what it does.
            kind = Kind.WITH_OUTCOME
        if kind not in (Kind.READ, Kind.REPEATABLE):
            return self._journalled(text, kind, run)
        self._refuse_without_session(text)
        return self._wait(text, run)

    def _is_held(self) -> bool:
        """Whether this is code in a transaction, which holds its outcome too, so that no row stands in between."""
        return self._inner is None and bool(self.connection.in_atomic_block)

    def _recall(self, sql: str) -> None:
        """The journal's rows are numbered too; what the session remembers of them is no answer for the migration."""
        if asks_of_the_one_before(sql) and not self.statements_of.recall(self.connection, sql, self._last_id):
            raise Refused(
                f"{self._where()} asks what the statement before it did, and between them stands the journal: "
                f"{without_secrets(sql)[:200]}. Ask by a key or by currval(), or in a RunPython."
            )

    def _of_code(self, sql: str, run: Callable[[str], Any]) -> Any:
        """Run a statement of code, which is passed over whole or not at all; its rows are there to be looked at."""
        kind = self.statements_of.kind(sql)
        if kind is Kind.SESSION or self.statements_of.shuts_out(sql):
            return self._of_session(sql, run)
        self._refuse_without_session(sql)
        if (kind is Kind.WITH_OUTCOME and self._is_held()) or kind in (Kind.READ, Kind.REPEATABLE):
            return self._wait(sql, run)
        entry = self._next_entry(sql)
        entry.ended_at = None
        return self._beside(entry, kind, sql, run)

    def _next_entry(self, sql: str) -> Any:
        number, self._next_statement = self._next_statement, self._next_statement + 1
        return self.entries.statements.get((self.operation, number)) or self._entry(number, sql)

    def _journalled(self, sql: str, kind: Kind, run: Callable[[str], Any]) -> Any:
        entry = self._next_entry(sql)
        if entry.pk and self._is_done(entry, kind, sql):
            if self.statements_of.shuts_out(sql):
                self._shut_out = entry
            else:
                self._session.skip(sql, self.statements_of.parts(sql))
            return None
        self._refuse_without_session(sql)
        if kind is Kind.WITH_OUTCOME:
            entry.started_at = timezone.now()
            return self._wait(sql, lambda said: self._together(entry, lambda: run(said)))
        result = self._beside(entry, kind, sql, run)
        if self.statements_of.shuts_out(sql):
            self._shut_out = entry
        elif kind is Kind.UNKNOWABLE:
            self.entries.in_transaction = bool(opens_transaction(self.statements_of.parts(sql)))
            self.entries.write()
        return result

    def _of_session(self, sql: str, run: Callable[[str], Any]) -> Any:
        """Run what leaves something in the session, in each run again."""
        opens = None if self.connection.in_atomic_block else opens_transaction(self.statements_of.parts(sql))
        if opens and self.entries.are_waiting:
            self.entries.write()
        result = self._wait(sql, run)
        if opens is not None:
            self.entries.in_transaction = opens
        return result

    def _was_changed_after(self) -> bool:
        """Whether an earlier run came further than this, so that the tables may answer otherwise by now."""
        here = self._place(self.operation, self._next_statement)
        statements = any(self._place(*key) >= here for key in self.entries.statements)
        codes = (self._place(number, 0) for number, row in self.entries.operations.items() if row.is_code)
        return statements or any(place > here for place in codes)

    def _place(self, operation: int, number: int) -> tuple[int, int]:
        """Where a statement stands among the others of the step: back, the last operation is the first."""
        return (-operation if self.step.backwards and operation < self._count else operation), number

    def _refuse_without_session(self, sql: str) -> None:
        if left := self._session.lost(sql):
            raise Interrupted(
                f"{self._where()} needs what was left in a session that is gone, and what is left there now may be "
                f"another: {without_secrets(left)[:200]}; for: {without_secrets(sql)[:200]}. "
                "Do by hand what is left of the migration, then record it with migrate --fake."
            )

    def _while_shut_out(self, sql: str, run: Callable[[str], Any]) -> Any:
        """Run, or pass over, what is between LOCK TABLES and UNLOCK TABLES: the row of the first tells of all."""
        entry, is_last = self._shut_out, self.statements_of.shuts_out(sql) is False
        if entry.ended_at:
            self._shut_out = None if is_last else entry
            self._session.skip(sql, self.statements_of.parts(sql))
            return None
        self._refuse_without_session(sql)
        result = self._wait(sql, run)
        if is_last:
            self._shut_out, entry.ended_at = None, timezone.now()
            self.entries.write(entry)
        return result

    def _beside(self, entry: Any, kind: Kind, sql: str, run: Callable[[str], Any]) -> Any:
        """Run a statement that commits without its row in the journal, which is written first."""
        entry.started_at = timezone.now()
        if kind is Kind.COMMITS:
            self.entries.in_transaction = False
            with self.entries.own():
                entry.before = self.statements_of.before(self.connection, sql)
        self.entries.write(entry)
        try:
            result = self._wait(sql, run, lambda: self._clear_away(entry, kind, sql))
        except (DatabaseError, LockNotObtained):
            # Should the operation get over it, a later statement does not tell that this one happened.
            entry.decision = FAILED
            self.entries.write_later(entry)
            raise
        if not self.statements_of.shuts_out(sql):
            self._end(entry, kind)
        return result

    def _entry(self, number: int, sql: str) -> Any:
        return StatementEntry(
            step=self.step,
            run=self.journal.run,
            operation=self.operation,
            number=number,
            sql=without_secrets(sql),
            digest=statement_digest(sql),
        )

    def _end(self, entry: Any, kind: Kind) -> None:
        entry.ended_at = timezone.now()
        if kind is Kind.COMMITS:
            self.entries.write_in_the_end(entry)
        else:
            self.entries.write_later(entry)

    def _wait(self, sql: str, run: Callable[[str], Any], again: Callable[[], None] = lambda: None) -> Any:
        with self.entries.own():
            return self.waits.statement(sql, run, again)

    def _clear_away(self, entry: Any, kind: Kind, sql: str) -> None:
        """Before a statement that did not get its lock is tried again: remove what it has left half-made."""
        if kind is Kind.COMMITS:
            self.statements_of.happened(self.connection, sql, entry.before or "")

    def _together(self, entry: Any, execute: Callable[[], Any]) -> Any:
        alone = (
            contextlib.nullcontext() if self.entries.in_transaction else transaction.atomic(using=self.connection.alias)
        )
        with self.entries.own(), alone:
            result = execute()
            entry.ended_at = timezone.now()
            self.entries.write(entry)
        return result

    def _is_done(self, entry: Any, kind: Kind, sql: str) -> bool:
        if entry.digest != statement_digest(sql):
            if entry.decision == FAILED and not self._has_happened(entry, entry.sql):
                # The database refused it, and it was mended since then.
                entry.sql, entry.digest, entry.decision = without_secrets(sql), statement_digest(sql), None
                return False
            then, now = entry.sql[:200], without_secrets(sql)[:200]
            raise Interrupted(
                f"{self._where()} rendered another statement {entry.number + 1} than when it was run first; "
                f"then: {then}; now: {now}. Put back the migration and what it calls as they were."
            )
        if entry.ended_at:
            return True
        if kind is Kind.UNKNOWABLE:
            if entry.decision == AGAIN or (entry.decision == FAILED and self.statements_of.refused_whole(sql)):
                entry.decision = None
                return False
            raise Interrupted(
                f"{self._where()} was interrupted in a statement that leaves no trace whether it happened: "
                f"{entry.sql[:300]}. {CHOICE}"
            )
        failed, entry.decision = entry.decision == FAILED, None
        is_last = self._place(entry.operation, entry.number) == self._last
        happened = self._has_happened(entry, sql) if is_last else not failed
        if happened:
            self._end(entry, kind)
        return happened

    def _has_happened(self, entry: Any, sql: str) -> bool:
        with self.entries.own():
            return self.statements_of.happened(self.connection, sql, entry.before or "")

    # Answers of the catalogue

    def ask(self, question: str, live: Callable[[], Any]) -> Any:
        """What the catalogue answered the first time, else what it answers now."""
        if self._inner is None or self._inner is DEFERRED or self.entries.is_own:
            return live()
        number, self._next_answer = self._next_answer, self._next_answer + 1
        if entry := self.entries.answers.get((self.operation, number)):
            if entry.question != question[:255]:
                raise Interrupted(f"{self._where()} asks {question} where it asked {entry.question} when run first.")
            return read(json.loads(entry.answer))
        with self.entries.own():
            answer = live()
        self.entries.write_later(
            AnswerEntry(
                step=self.step,
                operation=self.operation,
                number=number,
                question=question[:255],
                answer=json.dumps(written(answer)),
            )
        )
        return answer


DEFERRED = Operation()
