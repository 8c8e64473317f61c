"""How long the jobs of back-ups and restores, and the slots of schedules, are kept.

A restore point is none of them: what becomes of it says its policy, and `prune` does it.
"""

from django.db.models import Q

from backups.models import BackupStatus, RestoreStatus
from config.jobs.keeping import EndedJobs
from config.schema.monthly import Monthly

RULES = [
    EndedJobs(
        "backups.RestoreJob",
        "completed",
        Q(status__in=[RestoreStatus.COMPLETED.value, RestoreStatus.UNMOUNTED.value]),
        by="completed_at",
        setting="RETENTION_COMPLETED_DAYS",
    ),
    EndedJobs(
        "backups.RestoreJob",
        "failed and cancelled",
        Q(status__in=[RestoreStatus.FAILED.value, RestoreStatus.CANCELLED.value]),
        by="completed_at",
        setting="RETENTION_FAILED_DAYS",
    ),
    EndedJobs(
        "backups.BackupJob",
        "completed and pruned",
        Q(status=BackupStatus.COMPLETED, pruned_at__isnull=False),
        by="pruned_at",
        setting="RETENTION_COMPLETED_DAYS",
    ),
    EndedJobs(
        "backups.BackupJob",
        "failed and cancelled",
        Q(status__in=[BackupStatus.FAILED.value, BackupStatus.CANCELLED.value]),
        by="completed_at",
        setting="RETENTION_FAILED_DAYS",
    ),
    Monthly("backups.BackupSlot", by="slot_at", setting="RETENTION_EVENTS_DAYS"),
]
