"""How long replication jobs and the slots of schedules are kept."""

from django.db.models import Exists, OuterRef, Q

from config.jobs.keeping import EndedJobs
from config.schema.monthly import Monthly
from inventory.models import VMDisk
from replication.models import ChangeId, ReplicationJob, ReplicationStatus


def needed() -> Q:
    """By a disk, as its newest run or its base, or by the RPO, as the newest complete copy of the VM."""
    newer = ReplicationJob.objects.filter(
        vm_context=OuterRef("vm_context"), status=ReplicationStatus.COMPLETED, snapshot_at__gt=OuterRef("snapshot_at")
    )
    return (
        Q(Exists(VMDisk.objects.filter(job=OuterRef("pk"))))
        | Q(Exists(ChangeId.objects.filter(job=OuterRef("pk"), is_current=True)))
        | (Q(status=ReplicationStatus.COMPLETED) & Q(~Exists(newer)))
    )


RULES = [
    EndedJobs(
        "replication.ReplicationJob",
        "completed",
        Q(status=ReplicationStatus.COMPLETED),
        by="completed_at",
        setting="RETENTION_COMPLETED_DAYS",
        needed=needed,
    ),
    EndedJobs(
        "replication.ReplicationJob",
        "failed and cancelled",
        Q(status__in=[ReplicationStatus.FAILED.value, ReplicationStatus.CANCELLED.value]),
        by="completed_at",
        setting="RETENTION_FAILED_DAYS",
        needed=needed,
    ),
    Monthly("replication.ReplicationSlot", by="slot_at", setting="RETENTION_EVENTS_DAYS"),
]
