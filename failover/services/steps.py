"""The steps of a failover job: they follow its moves, and an engine may add its own."""

from typing import Any

from django.db.models import F

from config.jobs.engines import held_job
from config.refusals import Conflict, Invalid
from config.schema.fields import UtcNow
from config.transactions import whole
from failover.models import FailoverJob, FailoverStatus, FailoverStep, StepStatus
from failover.models.jobs import STEP_ENDS

STEPS = {
    FailoverStatus.VALIDATING.value: "Check readiness",
    FailoverStatus.SNAPSHOTTING.value: "Snapshot the target volumes",
    FailoverStatus.CREATING_VM.value: "Create the VM",
    FailoverStatus.SWITCHING_VOLUME.value: "Switch the volumes",
    FailoverStatus.POWERING_ON.value: "Power on",
}
"""The steps that every job has, by the status in which they are done."""
NUMBERS = {status: number for number, status in enumerate(STEPS, start=1)}
ENDS = {FailoverStatus.FAILED.value: StepStatus.FAILED, FailoverStatus.CANCELLED.value: StepStatus.SKIPPED}


def follow_move(job: FailoverJob, before: str) -> None:
    """Bring the steps to where the status of the job is now."""
    steps = FailoverStep.objects.filter(job=job)
    if number := NUMBERS.get(before):
        end = ENDS.get(job.status, StepStatus.COMPLETED)
        message = job.error_message if end == StepStatus.FAILED else None
        steps.filter(seq=number).update(status=end, completed_at=UtcNow(), updated_at=UtcNow(), message=message)
    if number := NUMBERS.get(job.status):
        steps.filter(seq=number).update(status=StepStatus.RUNNING, **_begun())
    if job.status in job.LIFECYCLE.terminal:
        left = steps.exclude(status__in=STEP_ENDS)
        left.update(status=StepStatus.SKIPPED, completed_at=UtcNow(), updated_at=UtcNow())


def _begun() -> dict[str, Any]:
    return {"attempts": F("attempts") + 1, "started_at": UtcNow(), "updated_at": UtcNow()}


@whole
def record_step(
    job_id: str,
    fence: int,
    *,
    seq: int,
    status: str,
    name: str | None = None,
    message: str | None = None,
    organization: Any = None,
) -> FailoverStep:
    """Note what an engine did in a step: in one of the job, or in one of its own, which it numbers from 6 and names.

    The same said twice is one note. A step that failed may run again; another that has ended stays as it is. Raises
    StaleFence, JobEnded, NotFound, Invalid, Conflict.
    """
    job = held_job(job_id, fence, organization, FailoverJob)
    if status not in StepStatus.values or status == StepStatus.PENDING:
        raise Invalid(f"A step is {', '.join(each for each in StepStatus.values if each != StepStatus.PENDING)}.")
    if seq < 1 or (not name and not FailoverStep.objects.filter(job=job, seq=seq).exists()):
        raise Invalid(f"Job {job_id} has no step {seq}: a new step has a number of 1 or more, and a name.")
    step, _ = FailoverStep.objects.get_or_create(job=job, seq=seq, defaults={"name": name})
    if step.status == status and (message or None) == step.message:
        return step
    may_run_again = step.status == StepStatus.FAILED and status == StepStatus.RUNNING
    if step.status in STEP_ENDS and not may_run_again:
        raise Conflict(f"Step {seq} of job {job_id} has ended as {step.status}, and stays so.", code="step_ended")
    columns: dict[str, Any] = {"status": status, "message": message or None, "updated_at": UtcNow()}
    if status == StepStatus.RUNNING:
        columns |= {"completed_at": None, **(_begun() if step.status != StepStatus.RUNNING else {})}
    else:
        columns["completed_at"] = UtcNow()
        if step.started_at is None and status != StepStatus.SKIPPED:
            columns |= _begun()
    FailoverStep.objects.filter(pk=step.pk).update(**columns)
    step.refresh_from_db()
    return step
