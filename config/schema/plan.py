"""What `migrate` would do, step by step, with what it loses and whom it blocks; it never writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration

from config.schema.changes import Change, Part, Step, created_models, is_reversible, operations_within, steps_of
from config.schema.dialects import dialect
from config.schema.dialects.costs import COPIED, FREE, NEW, Kind, costs, kinds_of
from config.schema.dialects.statements import Kind as StatementKind
from config.schema.dialects.statements import without_secrets
from config.schema.digest import migration_digest
from config.schema.loss import LiveRows, Loss, LossClass, all_of, is_nothing
from config.schema.stages import part_of, stage_of

Targets = Sequence[tuple[str, str | None]]
AT_RUN_TIME = "rendered at run time"
YES, NO, UNKNOWN = "yes", "no", "unknown"
ANY_TABLE = ""
"""The name of the model that code of its own changes."""


@dataclass(frozen=True)
class PlannedStep:
    """One operation of the plan."""

    description: str
    reversible: bool
    loss: Loss
    blocking: str
    """yes, no or unknown."""
    why: tuple[str, ...]
    """Why it blocks or does not, on this engine."""
    sql: tuple[str, ...] | None = None
    """None: not asked for, or known only at run time."""

    @property
    def verdict(self) -> str:
        """irreversible, or else reversible or the class of what is lost."""
        if not self.reversible:
            return "irreversible"
        return "reversible" if self.loss.kind is LossClass.NONE else self.loss.kind.value


@dataclass(frozen=True)
class PlannedMigration:
    """One migration of the plan, in the direction in which it would run."""

    app_label: str
    name: str
    backwards: bool
    atomic: bool
    stage: str
    digest: str
    steps: tuple[PlannedStep, ...]
    deferred_sql: tuple[str, ...] | None = None
    """What runs at the end of the migration; None as in `PlannedStep.sql`."""

    def __str__(self) -> str:
        return f"{self.app_label}.{self.name}"

    @property
    def loss(self) -> Loss:
        return all_of([step.loss for step in self.steps])


def read_plan(
    connection: Any, targets: Targets | None = None, *, stage: str | None = None, with_sql: bool = False
) -> list[PlannedMigration]:
    """What is pending, in the order in which Django would run it. Raises InconsistentMigrationHistory.

    `targets`: as for Django's executor; by default the last migration of every app. `with_sql`: render the SQL of the
    first migration, which is exact; that of later ones depends on what the first has done. `stage`: this part of it
    only, or Refused as `config.schema.stages.part_of` says.
    """
    executor = MigrationExecutor(connection)
    executor.loader.check_consistent_history(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes() if targets is None else targets)
    plan = part_of(plan, stage, executor.loader) if stage else plan
    return _Reader(connection, executor).read(plan, with_sql=with_sql)


def read_plan_of(executor: Any, plan: Sequence[tuple[Migration, bool]]) -> list[PlannedMigration]:
    """What this plan of an executor would do and lose, without its SQL."""
    return _Reader(executor.connection, executor).read(plan, with_sql=False)


def read_plan_back(
    connection: Any, migrations: Sequence[Migration], *, with_sql: bool = False
) -> list[PlannedMigration]:
    """What unapplying these migrations, in this order, would do and lose."""
    executor = MigrationExecutor(connection)
    return _Reader(connection, executor).read([(each, True) for each in migrations], with_sql=with_sql)


class _Reader:
    def __init__(self, connection: Any, executor: Any) -> None:
        self.connection = connection
        self.executor = executor
        self.live = LiveRows(connection)
        self.costs = costs(dialect(connection).name)
        self.created: set[tuple[str, str]] = set()

    def read(self, plan: Sequence[tuple[Migration, bool]], *, with_sql: bool) -> list[PlannedMigration]:
        planned: list[PlannedMigration] = []
        state = self._state_before(None)
        for migration, backwards in plan:
            if backwards:
                steps = steps_of(migration, self._state_before((migration.app_label, migration.name)))
                steps.reverse()
            else:
                steps = steps_of(migration, state)
                state = steps[-1].after if steps else state
                self.created = created_models(steps, self.created)
            rendered = _Rendered(self.connection, migration, steps, backwards) if with_sql and not planned else None
            planned.append(self._migration(migration, steps, backwards, rendered))
        return planned

    def _state_before(self, key: tuple[str, str] | None) -> Any:
        """The state that the applied migrations make; up to one of them where it is given."""
        loader = self.executor.loader
        state = self.executor._create_project_state()
        for migration, _ in self.executor.migration_plan(loader.graph.leaf_nodes(), clean_start=True):
            if (migration.app_label, migration.name) == key:
                break
            if (migration.app_label, migration.name) in loader.applied_migrations:
                migration.mutate_state(state, preserve=False)
        return state

    def _migration(
        self, migration: Migration, steps: list[Step], backwards: bool, rendered: "_Rendered | None"
    ) -> PlannedMigration:
        return PlannedMigration(
            app_label=migration.app_label,
            name=migration.name,
            backwards=backwards,
            atomic=bool(migration.atomic),
            stage=stage_of(migration),
            digest=migration_digest(migration),
            steps=tuple(
                self._step(step, backwards, rendered.steps[number] if rendered else None)
                for number, step in enumerate(steps)
            ),
            deferred_sql=rendered.deferred if rendered else None,
        )

    def _step(self, step: Step, backwards: bool, sql: tuple[str, ...] | None) -> PlannedStep:
        changes = [change.back() for change in reversed(step.changes)] if backwards else list(step.changes)
        blocking, why = self._blocking(changes, "" if backwards else getattr(step.operation, "executor", ""))
        return PlannedStep(
            description=step.operation.describe(),
            reversible=is_reversible(step.operation),
            loss=self.live.lose(changes),
            blocking=blocking,
            why=why,
            sql=sql,
        )

    def _blocking(self, changes: list[Change], executor: str) -> tuple[str, tuple[str, ...]]:
        answers, why = {NO}, []
        for change in changes:
            if change.part is Part.CODE:
                operation = change.new or change.old
                if cost_on := getattr(operation, "cost", None):
                    cost = cost_on(dialect(self.connection).name, backwards=change.new is None)
                    answers.add(YES if cost.blocks else NO)
                    why.append(f"it {Kind.PARTS.value}: {cost.why}")
                elif locks := getattr(operation, "locks", ""):
                    why.append(locks)
                elif not is_nothing(self.connection, change):
                    answers.add(UNKNOWN)
                    why.append("it runs code of its own, and only its author knows what waits for it")
                continue
            for kind in kinds_of(change):
                cost = self.costs.get(kind, FREE)
                if cost.copied and executor:
                    cost = COPIED
                if kind is Kind.NEW_TABLE:
                    why.append(f"it {kind.value}")
                elif change.model in self.created:
                    why.append(NEW.why)
                else:
                    answers.add(YES if cost.blocks else NO)
                    why.append(f"it {kind.value}: {cost.why}")
        answer = next(each for each in (YES, UNKNOWN, NO) if each in answers)
        return answer, tuple(dict.fromkeys(why)) or ("it changes no table on this engine",)


class _Rendered:
    """The SQL of each step of a migration, rendered from the live catalogue; no step is run.

    A step that asks the catalogue for a table which a step before it changes gets another answer at run time.
    """

    def __init__(self, connection: Any, migration: Migration, steps: list[Step], backwards: bool) -> None:
        self.connection = connection
        self.steps: list[tuple[str, ...] | None] = []
        self.touched: set[str] = set()
        self.has_read = False
        with (
            connection.execute_wrapper(self._only_reads),
            connection.schema_editor(collect_sql=True, atomic=False) as editor,
        ):
            for step in steps:
                self.steps.append(self._step(editor, migration.app_label, step, backwards))
            count = len(editor.collected_sql)
        known = None not in self.steps
        self.deferred = tuple(map(without_secrets, editor.collected_sql[count:])) if known else None

    def _step(self, editor: Any, app_label: str, step: Step, backwards: bool) -> tuple[str, ...] | None:
        if not all(each.reduces_to_sql for each in operations_within(step.operation)) or None in self.steps:
            return None
        begin, self.has_read = len(editor.collected_sql), False
        try:
            if backwards:
                step.operation.database_backwards(app_label, editor, step.after, step.before)
            else:
                step.operation.database_forwards(app_label, editor, step.before, step.after)
        except (_WouldWrite, NotImplementedError):
            return None
        except Exception as error:
            # Such as a constraint that the live table lacks: the reader has to see it, and the rest of the plan too.
            self.touched.add(ANY_TABLE)
            return (f"-- cannot be rendered: {type(error).__name__}: {error}",)
        names = {each.model[1] for change in step.changes for each in (change, change.back())}
        outdated = self.has_read and bool(self.touched & (names | {ANY_TABLE}))
        self.touched |= names
        return None if outdated else tuple(map(without_secrets, editor.collected_sql[begin:]))

    def _only_reads(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if dialect(self.connection).statements.kind(str(sql)) not in (StatementKind.READ, StatementKind.SESSION):
            raise _WouldWrite(sql)
        self.has_read = True
        return execute(sql, params, many, context)


class _WouldWrite(Exception):
    """An operation runs a statement of its own where its SQL was to be shown."""
