"""Applies and unapplies migrations as Django's executor does, and journals them.

Where the engine rolls DDL back and the migration is atomic, its journal row and its row in django_migrations are
written inside its own transaction. Elsewhere each statement is journalled, and what was interrupted is gone on with.
"""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration

from config.schema.backup.around import Around
from config.schema.digest import migration_digest, operation_digest
from config.schema.exits import Interrupted, Refused
from config.schema.expected import touched_tables
from config.schema.gate import Mode, check_gate, plan_digest
from config.schema.grants import Grants
from config.schema.instances import refuse_other_releases
from config.schema.journal import Journal
from config.schema.lock import SchemaLock
from config.schema.plan import read_plan_of
from config.schema.resume import Progress
from config.schema.rollback import chosen
from config.schema.stages import AFTER, part_of, stage_of
from config.schema.touched import may_retry, names_touched
from config.schema.waits import Waits
from config.schema.watched import flattened, journalled, watched

Plan = list[tuple[Migration, bool]]


@dataclass
class Done:
    """What a run has done, to be looked at again before it says so."""

    plan: Plan = field(default_factory=list)
    before: Any = None
    after: Any = None
    faked: bool = False
    found_there: set[str] = field(default_factory=set)
    """The tables that `--fake-initial` took for made."""


class SchemaExecutor(MigrationExecutor):
    """Takes the lock once there is something to do, looks again whether there still is, and journals what it does.

    A run that finds nothing to do holds the lock only while `post_migrate` is sent: any number of them started together
    do not wait for each other's reading.
    """

    lock: SchemaLock
    journal: Journal
    waits: Waits
    timeout: float
    only_reads: bool
    prunes: bool
    """Whether the plan is made only to be thrown away, as `--prune` does."""
    words: dict[str, str]
    """What `Journal.begin` is told of the run."""
    gate: Mode
    allow_destructive: bool
    expect: str
    """The digest of the only plan that may run; empty: any."""
    steps: int | None
    """Of the plan only so many migrations, the first ones; None: all."""
    stage: str | None
    """Of the plan only what runs before the deploy, or after it; None: all."""
    allow_old_release: bool
    grants: Grants
    done: Done
    backups: Around
    """What is backed up around the run; of an empty database, and of what is only recorded, nothing."""
    fake: bool
    back: tuple[tuple[str, str], ...] | None
    """Unapply these migrations, in this order, and no other."""
    open_steps: list[Any]
    """The steps that were begun before this run, or by it outside a transaction; only this run can change them."""

    def migration_plan(self, targets: Any, clean_start: bool = False) -> Plan:
        plan: Plan = self._plan(targets, clean_start)
        if clean_start or self.only_reads or self.prunes or self.journal.run is not None:
            return plan
        takes = not self.lock.is_taken
        if takes:
            if not plan and not self.journal.open_steps():
                return plan
            self.lock.take(self.timeout)
            self.waits.begin()
            self.loader.build_graph()
            self.loader.check_consistent_history(self.connection)
            plan = self._plan(targets)
        self._refuse_to_leave_a_migration_behind(plan)
        if plan:
            self._ask_the_gate(plan)
            self._refuse_while_others_serve(plan)
            self.grants.check()
            if self.loader.applied_migrations and not self.fake:
                self.backups.before()
            self.journal.begin(lock_wait=self.lock.waited, **self.words)
        elif takes:
            self.lock.release()
        return plan

    def migrate(
        self, targets: Any, plan: Any = None, state: Any = None, fake: bool = False, fake_initial: bool = False
    ) -> Any:
        # Django offers the state of what is applied to its own executor only.
        this: Any = self
        self.done.before = this._create_project_state(with_applied_migrations=True) if plan else None
        after = super().migrate(targets, plan, state, fake, fake_initial)
        self.done.plan, self.done.after, self.done.faked = plan or [], after, fake
        return after

    def _plan(self, targets: Any, clean_start: bool = False) -> Plan:
        if self.back is not None and not clean_start:
            return chosen(self, self.back)
        plan: Plan = super().migration_plan(targets, clean_start)
        return plan if clean_start else part_of(plan, self.stage, self.loader)[: self.steps]

    def _to_begin(self, plan: Plan) -> Plan:
        """The plan without what was begun, which is gone on with in any case."""
        begun = {(step.app, step.name, step.backwards) for step in self.open_steps}
        return [each for each in plan if (each[0].app_label, each[0].name, each[1]) not in begun]

    def _refuse_while_others_serve(self, plan: Plan) -> None:
        """What runs after the deploy breaks the release before it; of an empty database there is none."""
        late = [each for each, backwards in self._to_begin(plan) if not backwards and stage_of(each) == AFTER]
        if late and self.loader.applied_migrations and not self.fake and not self.allow_old_release:
            refuse_other_releases(self.connection, self.words["release"], late)

    def _ask_the_gate(self, plan: Plan) -> None:
        """Nothing is lost by the first migrations of an empty database, nor by going on with what was begun."""
        begun = {(step.app, step.name, step.backwards) for step in self.open_steps}
        to_begin = self._to_begin(plan)
        is_guarded = self.gate != "none" and self.loader.applied_migrations and to_begin
        if is_guarded or self.expect:
            planned = read_plan_of(self, plan)
            digest = plan_digest(self.connection, planned)
            if self.expect not in ("", digest):
                raise Refused(f"The plan is {digest} by now, and not the expected one: read manage.py schema_plan.")
        if is_guarded:
            check_gate(
                [each for each in planned if (each.app_label, each.name, each.backwards) not in begun],
                digest=digest,
                mode=self.gate,
                allow_destructive=self.allow_destructive,
                approved=self.journal.is_approved(digest),
                option="--allow-destructive" if self.back is None else "--yes-lose-data",
            )

    def _refuse_to_leave_a_migration_behind(self, plan: Plan) -> None:
        planned = {(each.app_label, each.name, backwards) for each, backwards in plan}
        self.open_steps = []
        for step in self.journal.open_steps():
            is_recorded = (step.app, step.name) in self.loader.applied_migrations
            if is_recorded is not step.backwards:
                # Somebody has recorded by hand what the interrupted run was about to record.
                self.journal.end_step(step, outcome="recorded")
            elif not self.journal.has_begun(step):
                self.journal.end_step(step, outcome="nothing")
            elif (step.app, step.name) not in self.loader.graph.nodes:
                words = f"{self.journal.words_of(step)} was interrupted, and its file is gone"
                raise Interrupted(f"{words}; bring the file back and run migrate again.")
            elif (step.app, step.name, step.backwards) not in planned:
                way = "schema_recover --apply" if step.backwards else f"migrate {step.app} {step.name}"
                words = f"{self.journal.words_of(step)} was interrupted and has to be gone on with first"
                raise Interrupted(f"{words}: say {way}.")
            else:
                self.open_steps.append(step)

    def apply_migration(self, state: Any, migration: Migration, fake: bool = False, fake_initial: bool = False) -> Any:
        self.lock.step(f"applying {migration}")
        self._tell("apply_start", migration, fake)
        if not fake and fake_initial:
            before = state.clone()
            fake, state = self.detect_soft_applied(state, migration)
            if fake:
                self.done.found_there |= touched_tables(self.connection, before, state)
        if fake:
            self._record_without_running(migration, backwards=False)
        else:
            state = self._run(
                migration,
                state,
                lambda each, before, editor: each.apply(before, editor),
                lambda: self.record_migration(migration),
            )
        self._tell("apply_success", migration, fake)
        return state

    def unapply_migration(self, state: Any, migration: Migration, fake: bool = False) -> Any:
        self.lock.step(f"unapplying {migration}")
        self._tell("unapply_start", migration, fake)
        if fake:
            self._record_without_running(migration, backwards=True)
        else:
            state = self._run(
                migration,
                state,
                lambda each, before, editor: each.unapply(before, editor),
                lambda: self._record_unapplied(migration),
                backwards=True,
            )
        self._tell("unapply_success", migration, fake)
        return state

    def _tell(self, action: str, migration: Migration, fake: bool) -> None:
        if self.progress_callback:
            self.progress_callback(action, migration, fake)

    def _record_without_running(self, migration: Migration, *, backwards: bool) -> None:
        with transaction.atomic(using=self.connection.alias):
            step = self._step(migration, backwards=backwards, in_one_transaction=True)
            step.faked = True
            self.journal.end_step(step)
            if backwards:
                self._record_unapplied(migration)
            else:
                self.record_migration(migration)

    def _record_unapplied(self, migration: Migration) -> None:
        for app_label, name in migration.replaces:
            self.recorder.record_unapplied(app_label, name)
        self.recorder.record_unapplied(migration.app_label, migration.name)

    def _step(self, migration: Migration, *, backwards: bool, in_one_transaction: bool) -> Any:
        """The journal's row of a migration that was begun before, else a new one."""
        for step in self.open_steps:
            if (step.app, step.name, step.backwards) == (migration.app_label, migration.name, backwards):
                return step
        step = self.journal.begin_step(
            migration,
            # What is never gone on with in its middle need not be known again.
            [("", each.describe()) for each in flattened(migration.operations)]
            if in_one_transaction
            else _described(migration),
            backwards=backwards,
            in_one_transaction=in_one_transaction,
        )
        if not in_one_transaction:
            self.open_steps.append(step)
        return step

    def _run(
        self,
        migration: Migration,
        state: Any,
        work: Callable[[Migration, Any, Any], Any],
        record: Callable[[], None],
        *,
        backwards: bool = False,
    ) -> Any:
        self.waits.begin_migration(f"{'Unapplying' if backwards else 'Applying'} {migration}")
        in_one_transaction = bool(migration.atomic and self.connection.features.can_rollback_ddl)
        step = self._step(migration, backwards=backwards, in_one_transaction=in_one_transaction)
        if in_one_transaction and step.in_one_transaction:
            return self.waits.whole(
                names_touched(self.connection, migration, state, backwards=backwards),
                lambda take: self._run_whole(migration, step, state.clone(), work, record, take),
                may_retry=all(map(may_retry, flattened(migration.operations))),
            )
        with self.connection.schema_editor(atomic=migration.atomic) as editor:
            progress = Progress(self.journal, step, editor, self.waits)
            if step.run_id != self.journal.run.pk:
                _refuse_an_edited_migration(migration, step, progress)
            copied: Any = copy.copy(migration)
            copied.operations = watched(migration.operations, progress, atomic=migration.atomic)
            with journalled(progress):
                state = work(copied, state, editor)
                progress.run_deferred(len(list(flattened(migration.operations))))
            self.grants.give()
            with transaction.atomic(using=self.connection.alias):
                progress.entries.finish()
                record()
                self.journal.end_step(step)
        return state

    def _run_whole(
        self,
        migration: Migration,
        step: Any,
        state: Any,
        work: Callable[[Migration, Any, Any], Any],
        record: Callable[[], None],
        take: Callable[[], None],
    ) -> Any:
        """In one transaction with the rows that record it; may be run again, with another state, after it failed."""
        # An attempt that was rolled back took its row along.
        step.pk, step._state.adding = None, True
        with self.connection.schema_editor(atomic=True) as editor, self.connection.execute_wrapper(self.waits.inside):
            take()
            state = work(migration, state, editor)
            for sql in editor.deferred_sql:
                editor.execute(sql, None)
            editor.deferred_sql.clear()
            self.grants.give()
            record()
            self.journal.end_step(step)
        return state


def _described(migration: Migration) -> list[tuple[str, str]]:
    return [(operation_digest(each), each.describe()) for each in flattened(migration.operations)]


def _refuse_an_edited_migration(migration: Migration, step: Any, progress: Progress) -> None:
    """What was begun must still be what it was; what was not, or was refused by the database, may have been mended."""
    described = _described(migration)
    then, now = json.loads(step.operations), json.loads(json.dumps(described))
    for number in sorted(progress.entries.operations):
        if number >= len(then) or (number < len(now) and now[number][0] == then[number][0]):
            continue
        if number >= len(now) or not progress.entries.may_be_mended(number):
            words = now[number][1] if number < len(now) else "nothing"
            raise Interrupted(
                f"{migration} was edited after it was interrupted: operation {number + 1} was {then[number][1]!r} "
                f"and is now {words!r} or calls other code; put the file back as it was and run migrate again."
            )
    if then != now:
        begun = [number for number in progress.entries.operations if number < len(then)]
        progress.entries.mended([number for number in begun if now[number] != then[number]])
    digest = migration_digest(migration)
    if (step.operations, step.digest) != (json.dumps(described), digest):
        # What is gone on with is recorded as the file is now.
        step.operations, step.digest = json.dumps(described), digest
        with progress.entries.own():
            step.save(using=progress.connection.alias)
