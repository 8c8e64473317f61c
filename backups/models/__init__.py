"""Repositories, policies, backup jobs and restore jobs."""

from backups.models.jobs import (
    BACKUP,
    RESTORE,
    BackupDisk,
    BackupDiskStatus,
    BackupJob,
    BackupStatus,
    BackupType,
    RestoreJob,
    RestoreMode,
    RestoreStatus,
    new_backup_id,
    new_restore_id,
)
from backups.models.schedules import BackupSchedule, BackupSlot, ScheduledType
from backups.models.stores import KEEP, BackupPolicy, BackupRepository, RepositoryKind

__all__ = [
    "BACKUP",
    "KEEP",
    "RESTORE",
    "BackupDisk",
    "BackupDiskStatus",
    "BackupJob",
    "BackupPolicy",
    "BackupRepository",
    "BackupSchedule",
    "BackupSlot",
    "BackupStatus",
    "BackupType",
    "RepositoryKind",
    "RestoreJob",
    "RestoreMode",
    "RestoreStatus",
    "ScheduledType",
    "new_backup_id",
    "new_restore_id",
]
