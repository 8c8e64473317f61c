"""What has become of a plan run as a whole. Nothing of it is stored, as it is what its jobs say."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import QuerySet

from failover.models import (
    Aftermath,
    FailoverJob,
    FailoverStatus,
    PlanRunStatus,
    PlanStepKind,
    Purpose,
    RecoveryPlan,
    RecoveryPlanRun,
    RecoveryPlanStep,
    StepStatus,
)
from failover.models.jobs import ACTIVE_AFTERMATH

MIXED = "mixed"
_GRAVITY = (
    *(Aftermath.REVERT_FAILED.value, Aftermath.CLEANUP_FAILED.value, Aftermath.DUE.value),
    *(Aftermath.REVERTING.value, Aftermath.CLEANUP.value),
)


def aftermath_of(jobs: Iterable[FailoverJob]) -> str:
    """The aftermath of several jobs as one: what waits for a person before what an engine does, and then the end of
    all of them; `mixed` where they have ended differently.
    """
    found = {job.aftermath for job in jobs} - {Aftermath.NONE.value}
    for grave in _GRAVITY:
        if grave in found:
            return grave
    return found.pop() if len(found) == 1 else MIXED if found else Aftermath.NONE.value


def jobs_due(
    run: RecoveryPlanRun, *aftermath: Aftermath, status: FailoverStatus | None = None
) -> QuerySet[FailoverJob]:
    """The jobs of a run whose aftermath is one of these, and that ended so."""
    jobs = FailoverJob.objects.filter(plan_step__run=run, aftermath__in=aftermath)
    return jobs if status is None else jobs.filter(status=status)


def active_run(plan: RecoveryPlan) -> RecoveryPlanRun | None:
    """The run of a plan that is not over; read once for one instance of the plan."""
    if "_active_run" not in vars(plan):
        vars(plan)["_active_run"] = plan.runs.filter(is_active=True).first()
    found: RecoveryPlanRun | None = vars(plan)["_active_run"]
    return found


def answers_due(run: RecoveryPlanRun) -> list[RecoveryPlanStep]:
    """The steps of a run that wait for a person now, the one with the nearest deadline first."""
    asked = run.steps.filter(kind=PlanStepKind.MANUAL, status=StepStatus.RUNNING)
    return list(asked.order_by("deadline", "seq")) if run.is_active else []


def has_passed(run: RecoveryPlanRun) -> bool | None:
    """Whether a test has passed; None for a live run, and while more is to come. Its steps are read with their jobs.

    `queries.passed_tests` asks the database the same.
    """
    steps = [step for step in run.steps.all() if step.kind == "failover"]
    jobs = [step.failover_job for step in steps if step.failover_job]
    if run.kind != Purpose.TEST or run.is_active or aftermath_of(jobs) in ACTIVE_AFTERMATH:
        return None
    critical = [step.failover_job for step in steps if step.is_critical]
    proved = any(job.has_passed for job in jobs) and all(job is not None and job.has_passed for job in critical)
    return run.status == PlanRunStatus.COMPLETED and proved


def time_taken(run: RecoveryPlanRun) -> timedelta | None:
    """From the decision to the end of a run that completed; None for any other."""
    return run.completed_at - run.created_at if _is_done(run) and run.completed_at else None


def keeps_rto(run: RecoveryPlanRun) -> bool | None:
    """Whether the run was done in the time that the plan allows; None where that is not known."""
    taken, allowed = time_taken(run), run.plan.rto_seconds
    return None if taken is None or allowed is None else taken.total_seconds() <= allowed


def _is_done(run: RecoveryPlanRun) -> bool:
    return run.status == PlanRunStatus.COMPLETED


def failed_without_stopping(run: RecoveryPlanRun) -> int:
    """How many VMs that are not critical the run went on without."""
    return sum(
        not step.is_critical and (step.failover_job is None or step.failover_job.status != FailoverStatus.COMPLETED)
        for step in run.steps.all()
        if step.kind == "failover" and step.completed_at is not None
    )
