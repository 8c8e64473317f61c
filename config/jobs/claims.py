"""The right of one job to work on a VM, and the lease of the engine that does the work.

Rows of `operation_claims` are made with their VM and never come or go with jobs: on MariaDB that made hundreds of
deadlocks. Whoever changes a job locks the row that holds its fence first, so that all take their locks in one order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import F, QuerySet

from config.jobs.refusals import ClaimHeld
from config.refusals import Conflict, NotFound
from config.schema.fields import SecondsSince, UtcNow
from inventory.models import OperationClaim

FREE: Mapping[str, None] = dict.fromkeys(OperationClaim.HELD)


@dataclass(frozen=True)
class Lease:
    """How the row stands that holds the fence of a job."""

    fence: int
    seconds: int | None
    """For how long a report counts; None where nobody works."""
    age: float | None
    """Seconds since the last report, by the database's clock."""

    @property
    def has_lapsed(self) -> bool:
        return self.age is not None and self.seconds is not None and self.age > self.seconds


def lease_seconds() -> int:
    """For how long a report of an engine counts: the setting JOB_LEASE_SECONDS."""
    return int(settings.JOB_LEASE_SECONDS)


def occupy(job: Any) -> None:
    """Take the claim of the job's VM for it. Raises ClaimHeld, which names the holder."""
    if not job.HOLDS_CLAIM:
        return
    mine = {"holder_kind": job.KIND, "holder_id": job.public_id, "taken_at": UtcNow(), **fresh()}
    free = OperationClaim.objects.filter(pk=job.vm_context_id, holder_id=None)
    if free.update(fence=F("fence") + 1, **mine):
        return
    claim = OperationClaim.objects.filter(pk=job.vm_context_id).first()
    if claim is None:
        raise NotFound(f"VM context {job.vm_context_id} has no claim: run check_integrity, which says how to mend it.")
    if claim.holder_id is None:
        raise Conflict("The job that worked on this VM has just ended: say this again.", code="claim_just_freed")
    since = f"{claim.taken_at:%Y-%m-%dT%H:%M:%SZ}"
    details = [{"holder_kind": claim.holder_kind, "holder_id": claim.holder_id, "since": since}]
    raise ClaimHeld(
        f"{claim.holder_kind} job {claim.holder_id} works on this VM since {since}: wait for its end, or end it.",
        details=details,
    )


def vacate(job: Any) -> None:
    """Give back what a job holds that has ended."""
    rows(job).update(**FREE if job.HOLDS_CLAIM else {"heartbeat_at": None, "lease_seconds": None})


def rows(job: Any) -> QuerySet[Any]:
    """The row that holds the fence and the lease of a job; none once it is not at work any more."""
    if job.HOLDS_CLAIM:
        return OperationClaim.objects.filter(pk=job.vm_context_id, holder_id=job.public_id)
    return type(job)._base_manager.filter(pk=job.pk)


def lock(job: Any, fence: int | None = None) -> bool:
    """Keep all others from changing the job until the transaction ends; False where the fence is another one."""
    mine = rows(job) if fence is None else rows(job).filter(fence=fence)
    # SQLite has no lock on rows: there the transaction itself, which begins as a writer, keeps others out.
    return mine.select_for_update().values_list("fence").first() is not None


def lock_vm(vm_context_id: str) -> None:
    """Let nobody else with this lock decide about the VM until the transaction ends, whoever holds its claim."""
    OperationClaim.objects.select_for_update().filter(pk=vm_context_id).values_list("fence").first()


def lease_of(job: Any) -> Lease | None:
    """None where the job holds nothing any more."""
    found = rows(job).values_list("fence", "lease_seconds", SecondsSince("heartbeat_at")).first()
    return None if found is None else Lease(found[0], found[1], None if found[2] is None else float(found[2]))


def fresh() -> dict[str, Any]:
    """What a report writes beside the fence."""
    return {"heartbeat_at": UtcNow(), "lease_seconds": lease_seconds()}
