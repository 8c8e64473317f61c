"""What a person does with a job: end it, or take it over from an engine that is silent. Each names a reason."""

from typing import Any

from config.jobs import claims
from config.jobs.engines import hand_over
from config.jobs.kinds import find_job
from config.jobs.moves import By, given, move
from config.jobs.refusals import JobEnded, NotLost
from config.transactions import whole


@whole
def cancel(job_id: str, *, by: By, reason: str, organization: Any = None) -> Any:
    """End a job before its work is done; its engine is refused from its next call on.

    Raises NotFound, JobEnded, IllegalMove, Invalid.
    """
    job = _locked(job_id, reason, organization)
    move(job, "cancelled", by=by, reason=reason)
    return job


@whole
def take_over(job_id: str, *, by: By, reason: str, engine: str | None = None, organization: Any = None) -> int:
    """Take a lost job from its engine, whose late writes are refused from now on, and return the new fence.

    Who has taken it over goes on with it, or ends it, within the lease. Raises NotFound, JobEnded, NotLost, Invalid.
    """
    job = _locked(job_id, reason, organization)
    lease = claims.lease_of(job)
    if not job.is_worked_on:
        raise NotLost(f"No engine has job {job_id}, which is {job.shown_status}: there is nobody to take it from.")
    if lease is None or not lease.has_lapsed:
        silent = "never" if lease is None or lease.age is None else f"{lease.age:.0f} s ago"
        raise NotLost(
            f"{job.engine} has reported on job {job_id} {silent}, within its lease"
            f" of {lease.seconds if lease else 0} s: wait until it is lost, or cancel it."
        )
    return hand_over(job, engine or by.actor, by=by, reason=f"taken over from {job.engine}: {reason}")


def _locked(job_id: str, reason: str, organization: Any) -> Any:
    given(reason)
    job = find_job(job_id, organization=organization)
    claims.lock(job)
    job.refresh_from_db()
    if not job.is_active:
        raise JobEnded(f"Job {job_id} has ended as {job.shown_status}, and stays so.")
    return job
