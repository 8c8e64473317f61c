"""What an engine asks for: the next job, and to say how it goes. Each call names the fence that it was given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F

from config.jobs import claims
from config.jobs.kinds import Kind, find_job, kind_named, kind_of, kinds
from config.jobs.moves import By, change, move, note
from config.jobs.refusals import JobEnded, StaleFence
from config.refusals import Invalid
from config.schema.fields import UtcNow
from config.transactions import whole
from inventory.models import OperationClaim, VMContext

CANDIDATES = 20
"""How many of the oldest waiting jobs are tried: others may take the same ones at the same moment."""


@dataclass(frozen=True)
class Taken:
    """A job that an engine has got, and with it the right to write to it."""

    job: Any
    fence: int
    lease_seconds: int


def take_next(names: Iterable[str], *, engine: str, by: By, organization: Any = None) -> Taken | None:
    """Give an engine the oldest job of these kinds that waits for one; None where none waits. Raises Invalid."""
    wanted = [kind_named(name) for name in dict.fromkeys(names)]
    if not wanted or not engine:
        raise Invalid("Name the kinds of job that this engine does, and the engine.")
    waiting = sorted(
        (row for kind in wanted for row in _waiting(kind, organization)), key=lambda row: (row[0], str(row[1]))
    )
    for _, key, kind in waiting[:CANDIDATES]:
        if taken := _take(kind, key, engine, by):
            return taken
    return None


def _waiting(kind: Kind, organization: Any) -> list[tuple[Any, Any, Kind]]:
    oldest = kind.model.objects.of(organization).waiting().order_by("created_at", "pk")
    return [(*row, kind) for row in oldest.values_list("created_at", "pk")[:CANDIDATES]]


@whole
def _take(kind: Kind, key: Any, engine: str, by: By) -> Taken | None:
    job = kind.model.objects.get(pk=key)
    if not claims.lock(job):
        return None
    job = kind.model.objects.waiting().filter(pk=key).first()
    if job is None:
        return None
    return Taken(job, hand_over(job, engine, by=by), claims.lease_seconds())


def hand_over(job: Any, engine: str, *, by: By, reason: str | None = None) -> int:
    """Give a job that is locked to this engine, and return the new fence; who holds the old one is refused."""
    # What an earlier engine counted is nothing to the sequence of this one.
    columns: dict[str, Any] = {"engine": engine, "progress_sequence": None}
    if job.status in job.LIFECYCLE.waiting:
        move(job, kind_of(job).begins_with, by=by, reason=reason, **columns)
    else:
        change(job, **columns)
        note(job, job.shown_status, job.shown_status, by=by, reason=reason or f"taken by {engine}")
    claims.rows(job).update(fence=F("fence") + 1, **claims.fresh())
    return int(claims.rows(job).values_list("fence", flat=True)[0])


@whole
def heartbeat(job_id: str, fence: int, *, organization: Any = None) -> None:
    """Say that the engine is alive, and nothing else. Raises StaleFence, JobEnded, NotFound."""
    claim = OperationClaim.objects.filter(holder_id=job_id, fence=fence)
    if organization is not None:
        # No join: an UPDATE with one looks for its rows first, and then writes to them however they are by then.
        claim = claim.filter(vm_context__in=VMContext.objects.filter(vcenter__organization=organization).values("pk"))
    if not claim.update(**claims.fresh()) and not _beat_without_claim(job_id, fence, organization):
        held_job(job_id, fence, organization)


def _beat_without_claim(job_id: str, fence: int, organization: Any) -> bool:
    """The same for a job whose own row holds its fence; False where there is no such one at work."""
    for model in (kind.model for kind in kinds() if not kind.model.HOLDS_CLAIM):
        name = {model.PUBLIC_ID: job_id}
        if model.objects.of(organization).filter(**name).exists():
            return bool(model.objects.worked_on().filter(**name, fence=fence).update(**claims.fresh()))
    return False


@whole
def progress(
    job_id: str,
    fence: int,
    *,
    sequence: int | None = None,
    percent: float | None = None,
    bytes_done: int | None = None,
    bytes_total: int | None = None,
    operation: str | None = None,
    disks: Iterable[Mapping[str, Any]] = (),
    organization: Any = None,
) -> bool:
    """Say how far a job has come; None is what the engine does not know. False where a later report was here before.

    `sequence` counts the reports of one engine, so that one which is repeated or late changes nothing. Raises
    StaleFence, JobEnded, NotFound, Invalid.
    """
    job = held_job(job_id, fence, organization)
    done = job.bytes_done if bytes_done is None else bytes_done
    total = job.bytes_total if bytes_total is None else bytes_total
    if percent is not None and not 0 <= percent <= 100:
        raise Invalid("percent is from 0 to 100.")
    if min(done or 0, total or 0) < 0 or (done is not None and total is not None and done > total):
        raise Invalid(f"{done} of {total} bytes: no more are done than there are, and none of both is below 0.")
    if sequence is not None and job.progress_sequence is not None and sequence <= job.progress_sequence:
        return False
    kind_of(job).report(job, disks)
    said = {"progress_percent": percent, "bytes_done": bytes_done, "bytes_total": bytes_total, "operation": operation}
    known = {name: value for name, value in (said | {"progress_sequence": sequence}).items() if value is not None}
    change(job, progress_at=UtcNow(), **known)
    return True


@whole
def advance(job_id: str, fence: int, to: str, *, by: By, organization: Any = None, **columns: Any) -> Any:
    """Move a job on within its work, and write what belongs to the move. Raises StaleFence, JobEnded, IllegalMove,
    NotFound.
    """
    job = held_job(job_id, fence, organization)
    move(job, to, by=by, **columns)
    return job


@whole
def complete(job_id: str, fence: int, *, by: By, organization: Any = None, **columns: Any) -> Any:
    """What the engine does now has succeeded. Raises the same, and what the kind of job still lacks."""
    job = held_job(job_id, fence, organization)
    field, to = kind_of(job).success(job)
    move(job, to, field=field, by=by, **columns)
    return job


@whole
def fail(job_id: str, fence: int, *, code: str, message: str, by: By, organization: Any = None) -> Any:
    """What the engine does now has failed, for this reason. Raises the same."""
    job = held_job(job_id, fence, organization)
    field, to = kind_of(job).failure(job)
    move(job, to, field=field, by=by, reason=f"{code}: {message}", error_code=code, error_message=message)
    return job


def held_job(job_id: str, fence: int, organization: Any = None, *models: type[Any]) -> Any:
    """The job of an engine that reports on it, locked until the transaction ends; its lease begins anew.

    `models` are the kinds that the report is about: a job of another is Invalid. Raises StaleFence, JobEnded, NotFound.
    """
    job = find_job(job_id, *models, organization=organization)
    if claims.lock(job, fence):
        # What was read before the lock may have changed until it was got.
        job.refresh_from_db()
        if job.is_worked_on:
            claims.rows(job).update(**claims.fresh())
            return job
    job.refresh_from_db()
    if not job.is_active:
        raise JobEnded(f"Job {job_id} has ended as {job.shown_status}: stop, and change nothing more.")
    if not job.is_worked_on:
        raise StaleFence(f"Job {job_id} is {job.shown_status}, and no engine has it: take it first.")
    raise StaleFence(f"Job {job_id} was given to {job.engine} with a newer fence: stop, and change nothing more.")


def lost_jobs(organization: Any = None) -> list[Any]:
    """The jobs whose engine has not reported within its lease, the one that is silent for the longest first."""
    found = [job for kind in kinds() for job in kind.model.objects.of(organization).lost()]
    return sorted(found, key=lambda job: -job.silent_for)
