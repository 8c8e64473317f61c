"""How long failover jobs are kept. Network mappings are kept for ever."""

from django.db.models import Exists, OuterRef, Q

from config.jobs.keeping import EndedJobs
from failover.models import Aftermath, FailoverJob, FailoverStatus, Purpose, VolumeSnapshot
from failover.models.jobs import ACTIVE_AFTERMATH, ACTIVE_SNAPSHOT


def needed() -> Q:
    """By what readiness says of the last test, by where the VM runs now, or by a snapshot that is still there."""
    newer = FailoverJob.objects.filter(
        vm_context=OuterRef("vm_context"),
        job_type=OuterRef("job_type"),
        status=FailoverStatus.COMPLETED,
        aftermath=OuterRef("aftermath"),
        completed_at__gt=OuterRef("completed_at"),
    )
    there = VolumeSnapshot.objects.filter(job=OuterRef("pk"), status__in=ACTIVE_SNAPSHOT)
    return (Q(status=FailoverStatus.COMPLETED) & ~Exists(newer)) | Exists(there)


RULES = [
    EndedJobs(
        "failover.FailoverJob",
        "cleaned test",
        Q(job_type=Purpose.TEST, status=FailoverStatus.COMPLETED, aftermath=Aftermath.CLEANED),
        by="aftermath_completed_at",
        setting="RETENTION_TEST_DAYS",
        needed=needed,
        goes_along=("snapshots",),
    ),
    EndedJobs(
        "failover.FailoverJob",
        "committed and rolled back live",
        Q(
            job_type=Purpose.LIVE,
            status=FailoverStatus.COMPLETED,
            aftermath__in=[Aftermath.COMMITTED.value, Aftermath.ROLLED_BACK.value],
        ),
        by="aftermath_completed_at",
        setting="RETENTION_COMPLETED_DAYS",
        needed=needed,
        goes_along=("snapshots",),
    ),
    EndedJobs(
        "failover.FailoverJob",
        "failed and cancelled",
        Q(status__in=[FailoverStatus.FAILED.value, FailoverStatus.CANCELLED.value])
        & ~Q(aftermath__in=ACTIVE_AFTERMATH),
        by="completed_at",
        setting="RETENTION_FAILED_DAYS",
        needed=needed,
        goes_along=("snapshots",),
    ),
]
