"""Failover jobs: what they do at the moves that all kinds of job make, and what follows their end."""

from collections.abc import Mapping
from typing import Any

from django.db.models import F

from config.changes import update_noted
from config.jobs.kinds import Kind
from config.refusals import Conflict
from config.schema.fields import UtcNow
from failover.models import ACTIVE_SNAPSHOT, Aftermath, FailoverJob, FailoverStatus, VolumeSnapshot
from failover.services.plan_advance import follow_job
from failover.services.steps import follow_move
from inventory.models import Site, VMContext
from replication.models import InvalidReason
from replication.services.change_ids import invalidate_bases

HAS_MADE_NOTHING = (FailoverStatus.PENDING.value, FailoverStatus.VALIDATING.value)
SUCCESS = {Aftermath.CLEANUP.value: Aftermath.CLEANED.value, Aftermath.REVERTING.value: Aftermath.ROLLED_BACK.value}
FAILURE = {
    Aftermath.CLEANUP.value: Aftermath.CLEANUP_FAILED.value,
    Aftermath.REVERTING.value: Aftermath.REVERT_FAILED.value,
}


class Failover(Kind):
    model = FailoverJob
    begins_with = FailoverStatus.VALIDATING.value

    def check(self, job: Any, field: str, to: str) -> None:
        """What is undone leaves no snapshot behind, and only what has completed is accepted."""
        if to == Aftermath.COMMITTED and job.status != FailoverStatus.COMPLETED:
            raise Conflict(f"Job {job.job_id} has {job.status}: roll it back, as there is nothing whole to accept.")
        left = VolumeSnapshot.objects.filter(job=job, status__in=ACTIVE_SNAPSHOT)
        if to in SUCCESS.values() and (count := left.count()):
            raise Conflict(
                f"{count} snapshots of job {job.job_id} are still there: delete or restore them, and say so, first.",
                code="snapshots_left",
            )

    def columns(self, job: Any, field: str, to: str) -> Mapping[str, Any]:
        """What a failover has made must be kept or undone, whether it completed or failed."""
        ends = (FailoverStatus.COMPLETED.value, FailoverStatus.FAILED.value)
        if field == "status" and to in ends and job.status not in HAS_MADE_NOTHING:
            return {"aftermath": Aftermath.DUE.value, "aftermath_since": UtcNow()}
        return {}

    def moved(self, job: Any, field: str, before: str, by: str) -> None:
        if field == "status":
            follow_move(job, before)
            if job.status in job.LIFECYCLE.terminal:
                follow_job(job)
            if job.status == FailoverStatus.SWITCHING_VOLUME:
                # From here on the volumes are written to by the VM that has been made.
                invalidate_bases(job.vm_context, InvalidReason.TARGET_WRITTEN)
        elif job.aftermath == Aftermath.COMMITTED:
            source = VMContext.objects.filter(pk=job.vm_context_id, runs_at=Site.SOURCE)
            if not update_noted(source, runs_at=Site.TARGET, version=F("version") + 1, updated_at=UtcNow()):
                raise Conflict(f"{job.source_vm_name} runs at the target already.", code="runs_at_target")

    def success(self, job: Any) -> tuple[str, str]:
        return ("aftermath", SUCCESS[job.aftermath]) if job.aftermath in SUCCESS else super().success(job)

    def failure(self, job: Any) -> tuple[str, str]:
        return ("aftermath", FAILURE[job.aftermath]) if job.aftermath in FAILURE else super().failure(job)
