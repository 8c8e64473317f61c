"""The journal: what was done to the schema, by whom, and how far it came. Rows are added and ended, never removed.

It stands in the database that it tells of and is written on the connection that does the work, so that it commits and
rolls back with that work. Statements are kept with their placeholders and never with parameters.
"""

import getpass
import json
import os
import platform
from collections.abc import Callable, Iterable
from typing import Any

from django.apps.registry import Apps
from django.db import DatabaseError
from django.db.migrations.migration import Migration
from django.utils import timezone

from config.schema.columns import (
    AnswerEntryColumns,
    ApprovalColumns,
    BackfillColumns,
    ChecklistTickColumns,
    InstanceColumns,
    OperationEntryColumns,
    ProbeColumns,
    RecoveryTaskColumns,
    RunColumns,
    StatementEntryColumns,
    StepColumns,
    TickKeyColumns,
)
from config.schema.dialects import dialect
from config.schema.dialects.statements import Kind
from config.schema.digest import migration_digest
from config.schema.requests.columns import RequestColumns
from config.schema.tables import ensure_tables, unregistered

DONE, AGAIN, FAILED = "done", "again", "failed"
"""What is decided of an operation or a statement: by a person the first two, by the database the last."""

registry = Apps()
Run = unregistered(RunColumns, registry)
Step = unregistered(StepColumns, registry)
OperationEntry = unregistered(OperationEntryColumns, registry)
StatementEntry = unregistered(StatementEntryColumns, registry)
AnswerEntry = unregistered(AnswerEntryColumns, registry)
Probe = unregistered(ProbeColumns, registry)
RecoveryTask = unregistered(RecoveryTaskColumns, registry)
TABLES = (Run, Step, OperationEntry, StatementEntry, AnswerEntry)
Approval = unregistered(ApprovalColumns, registry)
ChecklistTick = unregistered(ChecklistTickColumns, registry)
TickKey = unregistered(TickKeyColumns, registry)
Request = unregistered(RequestColumns, registry)
Backfill = unregistered(BackfillColumns, registry)
Instance = unregistered(InstanceColumns, registry)
BESIDE = (Probe, RecoveryTask, Approval, Backfill, ChecklistTick, TickKey, Instance, Request)
"""What others write, and only `migrate` makes."""


class Journal:
    """The journal of one database."""

    def __init__(self, connection: Any, guard: Callable[[], None] | None = None) -> None:
        """`guard` is called in each transaction that does work, and raises where it may not commit."""
        self.connection = connection
        self.guard = guard
        self.run: Any = None

    def check(self) -> None:
        """Raise what the guard raises, where there is one."""
        if self.guard is not None:
            self.guard()

    def rows(self, model: Any) -> Any:
        """The rows of one of `TABLES` in this database."""
        return model._base_manager.using(self.connection.alias)

    def begin(self, *, command: str, arguments: str, release: str, reason: str, lock_wait: float) -> None:
        """Begin a run; `lock_wait` in seconds.

        Under the lock only: its holder knows that older open runs are dead, but for those around it on its connection.
        """
        ensure_tables(self.connection, *TABLES)
        ensure_tables(self.connection, *BESIDE)
        around = getattr(self.connection, "schema_runs", ())
        self.rows(Run).filter(ended_at=None).exclude(pk__in=around).update(
            ended_at=timezone.now(), outcome="interrupted"
        )
        version = ".".join(map(str, self.connection.get_database_version()))
        self.run = self.rows(Run).create(
            command=command,
            arguments=arguments,
            by=caller(),
            reason=reason or None,
            host=platform.node()[:255],
            pid=os.getpid(),
            release=release[:255],
            engine=f"{dialect(self.connection).name} {version}"[:64],
            lock_wait_ms=round(lock_wait * 1000),
            started_at=timezone.now(),
        )
        self.connection.schema_runs = (*around, self.run.pk)

    def end(self, error: BaseException | None) -> None:
        """End the run. Of an error the first line is kept: what follows it in a database's message may be rows."""
        if self.run is None:
            return
        self.connection.schema_runs = tuple(pk for pk in self.connection.schema_runs if pk != self.run.pk)
        words = f"{type(error).__name__}: {error}".split("\n", 1)[0][:2000] if error else None
        self.rows(Run).filter(pk=self.run.pk, ended_at=None).update(
            ended_at=timezone.now(), outcome=getattr(error, "outcome", "failed") if error else "done", error=words
        )
        self.run = None

    def begin_step(
        self, migration: Migration, operations: Iterable[Any], *, backwards: bool, in_one_transaction: bool
    ) -> Any:
        """Begin a migration. In one transaction the row is kept until `end_step` writes it."""
        step = Step(
            run=self.run,
            app=migration.app_label,
            name=migration.name,
            backwards=backwards,
            in_one_transaction=in_one_transaction,
            digest=migration_digest(migration),
            operations=json.dumps(list(operations)),
            started_at=timezone.now(),
        )
        if not in_one_transaction:
            step.save(using=self.connection.alias)
        return step

    def end_step(self, step: Any, *, outcome: str = "done") -> None:
        """End a migration; inside the transaction that records it."""
        self.check()
        step.ended_at = timezone.now()
        step.ended_by = self.run
        step.outcome = outcome
        step.save(using=self.connection.alias)

    def open_steps(self) -> list[Any]:
        """The migrations that were begun and not ended and have to be gone on with; none without a journal."""
        return self.rows_if_any(Step, ended_at=None)

    def rows_if_any(self, model: Any, **which: Any) -> list[Any]:
        """Such rows of one of `TABLES`; none where there is no journal."""
        if model._meta.db_table not in self.connection.introspection.table_names():
            return []
        return list(self.rows(model).filter(**which).order_by("pk"))

    def missing(self) -> list[str]:
        """The tables of the journal that are not there beside others that are; none where it was never made."""
        wanted = {model._meta.db_table for model in TABLES}
        gone = wanted - {*self.connection.introspection.table_names()}
        return [] if gone == wanted else sorted(gone)

    def is_approved(self, digest: str) -> bool:
        """Whether a person has approved the plan of this digest, and nobody has withdrawn that."""
        return bool(self.rows_if_any(Approval, digest=digest, withdrawn_at=None))

    def position(self, step: Any) -> str:
        """Where an open step stands, in words: at which of its operations."""
        reached = self.rows(OperationEntry).filter(step=step).order_by("-started_at", "-pk").first()
        described = json.loads(step.operations)
        if reached is None or reached.number >= len(described):
            return "" if reached is None else " at what Django keeps for the end"
        return f" at operation {reached.number + 1} of {len(described)} ({described[reached.number][1]})"

    def words_of(self, step: Any) -> str:
        """What a step does, in words."""
        return f"{'Unapplying' if step.backwards else 'Applying'} {step}"

    def undecided(self, step: Any) -> list[Any]:
        """The operation of code, else the statement, in which an open step stopped and of which nothing tells."""
        kind = dialect(self.connection).statements.kind
        begun = {"step": step, "ended_at": None}
        statements = self.rows(StatementEntry).filter(**begun).exclude(decision=AGAIN)
        if unknowable := [row for row in statements if kind(row.sql) is Kind.UNKNOWABLE]:
            return unknowable
        operations = self.rows(OperationEntry).filter(is_code=True, **begun).exclude(decision=AGAIN)
        return list(operations)

    def evidence(self, step: Any, operation: int) -> str:
        """How far an operation of an open step came, in words."""
        seen = self.rows(StatementEntry).filter(step=step, operation=operation).order_by("number")
        if not seen:
            return "it had written nothing to this database"
        last = seen[len(seen) - 1]
        came = "ended" if last.ended_at else "begun"
        return f"{len(seen)} of its statements are journalled, the last {came}: {last.sql[:300]}"

    def has_begun(self, step: Any) -> bool:
        """Whether any operation of an open step left a trace; where none did, nothing of it has happened."""
        return bool(self.rows(OperationEntry).filter(step=step).exists())


def recorded_digests(connection: Any) -> dict[tuple[str, str], str]:
    """The digest that each migration had when it was applied here, as far as the journal knows; writes nothing."""
    try:
        steps = Step._base_manager.using(connection.alias).filter(outcome="done").order_by("pk")
        return {(step.app, step.name): step.digest for step in steps if not step.backwards}
    except DatabaseError:
        return {}


def caller() -> str:
    """Who runs this process; of a container's user, who may have no name, the number."""
    try:
        return getpass.getuser()[:255]
    except (KeyError, OSError):
        return f"user {os.getuid()}"
