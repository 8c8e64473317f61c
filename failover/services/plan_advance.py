"""How a plan run goes on: one function that anybody may call at any time, and that does what is due and nothing twice.

All jobs of a run are made at its start, so what is left to do is to say which of them may begin, and how it stands. The
lock of the run's row comes before those of its VMs, which come in the order of their ids.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from config.jobs import claims
from config.jobs.models import JobEvent
from config.jobs.moves import By, move
from config.refusals import Conflict, NotFound
from config.schema.fields import UtcNow
from config.transactions import whole
from failover.models import (
    Ending,
    FailoverJob,
    FailoverStatus,
    PlanRunStatus,
    PlanStepKind,
    RecoveryPlanRun,
    RecoveryPlanStep,
    StepStatus,
)
from failover.models.jobs import STEP_ENDS

log = logging.getLogger(__name__)

PLAN_RUN = "plan_run"
"""The kind of the events that tell of plan runs; they are of the plan, and of no single VM."""
CLOCK = By("plan")
"""Who acts where it is only time that has passed, or a job that has ended."""
PHASES = (PlanStepKind.FAILOVER.value, PlanStepKind.PAUSE.value, PlanStepKind.MANUAL.value)
"""What a group does, one after the other."""


@whole
def advance_plan_run(run_id: int, *, by: By = CLOCK) -> bool:
    """Take an active run as far as it can go now; False where nothing was due. Said again or at once, it does no harm.

    Raises NotFound.
    """
    run = lock_run(run_id)
    return bool(run.is_active) and go_on(run, by)


def advance_plan_runs() -> bool:
    """The same for every active run, whether any of them moved: the duty of the worker.

    What one raises is logged, and raised where none moved.
    """
    moved, errors = False, []
    for run in RecoveryPlanRun.objects.filter(is_active=True).order_by("pk").values_list("pk", flat=True):
        try:
            moved |= advance_plan_run(run)
        except Exception as error:
            log.exception("plan run %s cannot go on", run)
            errors.append(error)
    if errors and not moved:
        raise errors[0]
    return moved


def follow_job(job: FailoverJob) -> None:
    """Let the plan run of a job that has ended go on, once that is committed. If it is not, the worker does it."""
    run = RecoveryPlanStep.objects.filter(failover_job=job).values_list("run_id", flat=True).first()
    if run is not None:
        transaction.on_commit(lambda: advance_plan_run(run), robust=True)


def lock_run(run_id: int, organization: Any = None) -> Any:
    """The run as it is now, with `now` by the database's clock; nobody else moves it until the transaction ends.

    Raises NotFound, also for a run of another organisation.
    """
    runs = RecoveryPlanRun.objects.filter(pk=run_id)
    if organization is not None:
        runs = runs.filter(plan__in=organization.recovery_plans.all())
    run = runs.select_for_update().annotate(now=UtcNow()).first()
    if run is None:
        raise NotFound(f"There is no plan run {run_id}.")
    return run


def go_on(run: Any, by: By) -> bool:
    """The same for a run that is locked and active."""
    course = _Course(run, by, list(run.steps.select_related("failover_job").order_by("seq")))
    while course.settle() or course.wind_down() or course.begin():
        course.has_moved = True
    return course.move_run() or course.has_moved


def note_run(run: RecoveryPlanRun, before: str | None, *, by: By, reason: str | None = None) -> None:
    """Add an event of the run."""
    JobEvent.objects.create(
        job_kind=PLAN_RUN,
        job_id=run.public_id,
        vm_context_id=f"plan-{run.plan_id}",
        from_status=before,
        to_status=run.status,
        actor=by.actor,
        reason=reason or None,
        request_id=by.request_id,
    )


def end_early(run: Any, ending: Ending, reason: str, *, by: By) -> None:
    """Let nothing more of a locked run begin; it ends so when what has begun is over."""
    write_run(run, ending=ending.value, reason=reason)
    note_run(run, run.status, by=by, reason=reason)


def write_run(run: Any, **columns: Any) -> None:
    """Write columns of a run if its status is still the one that was read. Raises Conflict."""
    mine = RecoveryPlanRun.objects.filter(pk=run.pk, status=run.status, is_active=True)
    if not mine.update(version=F("version") + 1, updated_at=UtcNow(), **columns):
        raise Conflict(f"Plan run {run.pk} has changed meanwhile: look at it, and say this again.", code="changed")
    for name, value in columns.items():
        setattr(run, name, value)


def write_step(step: RecoveryPlanStep, **columns: Any) -> None:
    """The same for a step."""
    mine = RecoveryPlanStep.objects.filter(pk=step.pk, status=step.status)
    if not mine.update(updated_at=UtcNow(), **columns):
        raise Conflict(f"Step {step.seq} has changed meanwhile: look at it, and say this again.", code="changed")
    for name, value in columns.items():
        setattr(step, name, value)


@dataclass
class _Course:
    """A locked run with its steps, and who takes it on."""

    run: Any
    by: By
    steps: list[RecoveryPlanStep]
    has_moved: bool = False

    @property
    def now(self) -> datetime:
        return self.run.now

    def left(self, *kinds: str) -> list[RecoveryPlanStep]:
        """The steps, of these kinds or of all, that have not ended."""
        return [step for step in self.steps if step.status not in STEP_ENDS and (not kinds or step.kind in kinds)]

    def settle(self) -> bool:
        """End the steps whose job has ended or whose time is over."""
        return any(self._settle(step) for step in self.left())

    def _settle(self, step: RecoveryPlanStep) -> bool:
        if step.kind == PlanStepKind.FAILOVER:
            return self._settle_failover(step)
        if step.status != StepStatus.RUNNING or (step.deadline is not None and step.deadline > self.now):
            return False
        if step.kind == PlanStepKind.PAUSE:
            self._end(step, StepStatus.COMPLETED)
        else:
            goes_on = step.default_answer == "continue"
            said = f"Nobody answered until {step.deadline:%Y-%m-%d %H:%M:%S} UTC, so the default holds: {{}}."
            self._end(
                step,
                StepStatus.COMPLETED if goes_on else StepStatus.FAILED,
                said.format("the run goes on" if goes_on else "the run stops"),
            )
        return True

    def _settle_failover(self, step: RecoveryPlanStep) -> bool:
        job = step.failover_job
        if job is None:
            self._end(step, StepStatus.FAILED, "It has no failover job: somebody wrote it past the services.")
        elif job.status not in job.LIFECYCLE.terminal:
            return False
        elif job.status == FailoverStatus.COMPLETED:
            self._end(step, StepStatus.COMPLETED, at=job.completed_at)
        else:
            self._end(
                step, StepStatus.FAILED, job.error_message or f"Its job ended as {job.status}.", at=job.completed_at
            )
        return True

    def _end(self, step: RecoveryPlanStep, status: StepStatus, message: str | None = None, at: Any = None) -> None:
        write_step(step, status=status.value, completed_at=at or self.now, message=message or step.message)
        if status == StepStatus.FAILED and step.is_critical and not self.run.ending:
            reason = f"Step {step.seq}, {step.title}, failed. {step.message or ''}".strip()
            end_early(self.run, Ending.FAILED, reason, by=self.by)

    def wind_down(self) -> bool:
        """Where the run is to end: skip what has not begun, and take back the jobs that have made nothing yet."""
        return bool(self.run.ending) and any(self._skip(step) for step in sorted(self.left(), key=_place_of_lock))

    def _skip(self, step: RecoveryPlanStep) -> bool:
        if step.kind == PlanStepKind.FAILOVER and step.failover_job and not self._take_back(step.failover_job):
            return False
        self._end(step, StepStatus.SKIPPED, "Not done, as the run was stopped.")
        return True

    def _take_back(self, job: FailoverJob) -> bool:
        claims.lock(job)
        job.refresh_from_db()
        if FailoverStatus.CANCELLED not in job.following():
            return False
        move(job, FailoverStatus.CANCELLED, by=self.by, reason=self.run.reason)
        return True

    def begin(self) -> bool:
        """Begin the next of each group whose turn it is."""
        if self.run.ending:
            return False
        busy = {step.group_seq for step in self.left()}
        return any(self._begin(group) for group in sorted(busy) if not self._waits(group, busy))

    def _waits(self, group: int, busy: set[int]) -> bool:
        return any(step.waits_for in busy for step in self.steps if step.group_seq == group)

    def _begin(self, group: int) -> bool:
        """The first phase of the group that is not over, all of its steps at once."""
        mine = [step for step in self.left() if step.group_seq == group]
        phase = next(kind for kind in PHASES if any(step.kind == kind for step in mine))
        waiting = [step for step in mine if step.kind == phase and step.status == StepStatus.PENDING]
        for step in waiting:
            until = {} if step.deadline_seconds is None else {"deadline": self._in(step.deadline_seconds)}
            write_step(step, status=StepStatus.RUNNING.value, started_at=self.now, **until)
        return bool(waiting)

    def _in(self, seconds: int) -> datetime:
        return self.now + timedelta(seconds=seconds)

    def move_run(self) -> bool:
        """Bring the state of the run to what its steps say."""
        before, after = self.run.status, self._state()
        if after == before:
            return False
        columns: dict[str, Any] = {"status": after}
        if self.run.started_at is None and any(step.started_at for step in self.steps):
            columns["started_at"] = self.now
        if not self.left():
            columns |= {"is_active": None, "completed_at": self.now}
        write_run(self.run, **columns)
        note_run(self.run, before, by=self.by, reason=self.run.reason if not self.left() else None)
        return True

    def _state(self) -> str:
        if not self.left():
            return self.run.ending or PlanRunStatus.COMPLETED.value
        asked = any(step.status == StepStatus.RUNNING for step in self.left(PlanStepKind.MANUAL))
        return PlanRunStatus.WAITING.value if asked else PlanRunStatus.RUNNING.value


def _place_of_lock(step: RecoveryPlanStep) -> str:
    return step.failover_job.vm_context_id if step.failover_job else ""
