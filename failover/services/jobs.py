"""Failover jobs: what they do at the moves that all kinds of job make, and what follows their end."""

from collections.abc import Mapping
from typing import Any

from config.jobs.kinds import Kind
from config.schema.fields import UtcNow
from failover.models import Aftermath, FailoverJob, FailoverStatus

HAS_MADE_NOTHING = (FailoverStatus.PENDING.value, FailoverStatus.VALIDATING.value)
SUCCESS = {Aftermath.CLEANUP.value: Aftermath.CLEANED.value, Aftermath.REVERTING.value: Aftermath.ROLLED_BACK.value}
FAILURE = {
    Aftermath.CLEANUP.value: Aftermath.CLEANUP_FAILED.value,
    Aftermath.REVERTING.value: Aftermath.REVERT_FAILED.value,
}


class Failover(Kind):
    model = FailoverJob
    begins_with = FailoverStatus.VALIDATING.value

    def columns(self, job: Any, field: str, to: str) -> Mapping[str, Any]:
        """What a failover has made must be kept or undone, whether it completed or failed."""
        ends = (FailoverStatus.COMPLETED.value, FailoverStatus.FAILED.value)
        if field == "status" and to in ends and job.status not in HAS_MADE_NOTHING:
            return {"aftermath": Aftermath.DUE.value, "aftermath_since": UtcNow()}
        return {}

    def success(self, job: Any) -> tuple[str, str]:
        return ("aftermath", SUCCESS[job.aftermath]) if job.aftermath in SUCCESS else super().success(job)

    def failure(self, job: Any) -> tuple[str, str]:
        return ("aftermath", FAILURE[job.aftermath]) if job.aftermath in FAILURE else super().failure(job)
