"""Backup jobs, which are restore points once completed, and restore jobs."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from backups.models.stores import BackupPolicy, BackupRepository
from config.jobs.lifecycle import Lifecycle
from config.jobs.models import Job, JobQuerySet, Leased
from config.schema.constraints import at_least, filled, known, longer, set_while, true_or_unset
from config.schema.fields import CodeField
from inventory.identifiers import new_identifier, slug, stamp
from inventory.models import HolderKind, VMContext, VMDisk
from inventory.models.base import Stamped


class BackupType(models.TextChoices):
    FULL = "full"
    INCREMENTAL = "incremental"


class BackupStatus(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_B = BackupStatus
BACKUP = Lifecycle(
    BackupStatus,
    {
        _B.PENDING: [_B.RUNNING, _B.FAILED, _B.CANCELLED],
        _B.RUNNING: [_B.COMPLETED, _B.FAILED, _B.CANCELLED],
        _B.COMPLETED: [],
        _B.FAILED: [],
        _B.CANCELLED: [],
    },
    waiting=[_B.PENDING],
)


def new_backup_id(vm_name: str) -> str:
    """A new public identifier of a backup job of this VM."""
    return new_identifier("backup", slug(vm_name), stamp(timezone.now()))


class BackupJobQuerySet(JobQuerySet):
    """Back-ups, by what they are good for."""

    def restore_points(self) -> Self:
        """Those that have completed and are still kept; whether each can be restored depends on its whole chain."""
        return self.filter(status=BackupStatus.COMPLETED, pruned_at=None)


class BackupJob(Job):
    """One back-up of all disks of a VM; completed, it is a restore point, until it is pruned."""

    id = CodeField(max_length=191, primary_key=True)
    vm_context = models.ForeignKey(
        VMContext, on_delete=models.PROTECT, related_name="backup_jobs", verbose_name="VM context"
    )
    repository = models.ForeignKey(BackupRepository, on_delete=models.PROTECT, related_name="backup_jobs")
    policy = models.ForeignKey(
        BackupPolicy, on_delete=models.PROTECT, null=True, blank=True, related_name="backup_jobs"
    )
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    backup_type = CodeField(max_length=64, choices=BackupType)
    type_reason = models.TextField(null=True, blank=True, help_text="Why this back-up is a full or an incremental one.")
    status = CodeField(
        max_length=64, choices=BackupStatus, default=BackupStatus.PENDING, db_default=BackupStatus.PENDING
    )
    snapshot_at = models.DateTimeField(null=True, blank=True, help_text="The instant of the source that was copied.")
    is_protected = models.BooleanField(default=False, db_default=False, help_text="Pruning never removes it.")
    locked_until = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_good = models.BooleanField(null=True, blank=True)
    pruned_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is no restore point any more.")
    pruned_reason = models.TextField(null=True, blank=True)

    objects: ClassVar[Any] = BackupJobQuerySet.as_manager()

    KIND = HolderKind.BACKUP.value
    LIFECYCLE = BACKUP

    class Meta:
        db_table = "backup_jobs"
        ordering = ["-created_at"]
        constraints = [
            *BACKUP.constraints("backup_jobs"),
            known("backup_jobs", "backup_type", BackupType),
            filled("backup_jobs", "id", "type_reason", *Job.FILLED),
            models.CheckConstraint(
                condition=Q(backup_type=BackupType.FULL, parent__isnull=True)
                | Q(backup_type=BackupType.INCREMENTAL, parent__isnull=False),
                name="backup_jobs_incremental_has_parent",
                violation_error_message="An incremental back-up has a parent, a full one has none.",
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(parent=F("id")),
                name="backup_jobs_not_its_own_parent",
                violation_error_message="A back-up is not its own parent.",
            ),
            models.CheckConstraint(
                condition=~Q(status=BackupStatus.COMPLETED) | Q(snapshot_at__isnull=False),
                name="backup_jobs_completed_has_snapshot_time",
                violation_error_message="A completed back-up says which instant of the source it holds.",
            ),
            set_while(
                "backup_jobs",
                "verified_with_result",
                "verified_good",
                Q(verified_at__isnull=False),
                "A verification has a time and a result, or neither.",
            ),
            models.CheckConstraint(
                condition=Q(pruned_at__isnull=True, pruned_reason__isnull=True)
                | (longer("pruned_reason", 0) & Q(pruned_at__isnull=False, pruned_reason__isnull=False)),
                name="backup_jobs_pruned_for_a_reason",
                violation_error_message="What is pruned has the time of it and the reason, or neither.",
            ),
            models.CheckConstraint(
                condition=Q(pruned_at__isnull=True) | Q(status=BackupStatus.COMPLETED),
                name="backup_jobs_pruned_had_completed",
                violation_error_message="Only a completed back-up is pruned.",
            ),
            models.CheckConstraint(
                condition=Q(pruned_at__isnull=True) | Q(is_protected=False),
                name="backup_jobs_protected_is_not_pruned",
                violation_error_message="A protected restore point is not pruned.",
            ),
        ]
        indexes = [
            models.Index(fields=["vm_context", "-created_at"], name="backup_jobs_newest_of_vm"),
            models.Index(fields=["vm_context", "status"], name="backup_jobs_of_vm"),
            models.Index(fields=["status", "created_at"], name="backup_jobs_status"),
            models.Index(fields=["created_at"], name="backup_jobs_created"),
        ]

    def __str__(self) -> str:
        return self.id


class BackupDiskStatus(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class BackupDisk(Stamped):
    """The copy of one disk in one back-up."""

    job = models.ForeignKey(BackupJob, on_delete=models.CASCADE, related_name="disks")
    vm_disk = models.ForeignKey(VMDisk, on_delete=models.PROTECT, related_name="backup_disks")
    disk_id = CodeField(max_length=64, help_text="disk- and the device key, as it was then.")
    status = CodeField(
        max_length=64,
        choices=BackupDiskStatus,
        default=BackupDiskStatus.PENDING,
        db_default=BackupDiskStatus.PENDING,
    )
    path = models.CharField(max_length=1024, null=True, blank=True)
    capacity_bytes = models.BigIntegerField(null=True, blank=True, help_text="Of the disk, at the snapshot.")
    bytes_stored = models.BigIntegerField(null=True, blank=True)
    change_id = CodeField(max_length=255, null=True, blank=True)
    base_change_id = CodeField(max_length=255, null=True, blank=True)
    checksum = CodeField(max_length=255, null=True, blank=True)

    class Meta:
        db_table = "backup_disks"
        constraints = [
            models.UniqueConstraint(fields=["job", "vm_disk"], name="backup_disks_once_per_job"),
            known("backup_disks", "status", BackupDiskStatus),
            filled("backup_disks", "disk_id", "path", "change_id", "base_change_id", "checksum"),
            at_least("backup_disks", 0, "capacity_bytes", "bytes_stored"),
            models.CheckConstraint(
                condition=~Q(status=BackupDiskStatus.COMPLETED) | Q(path__isnull=False, bytes_stored__isnull=False),
                name="backup_disks_completed_has_copy",
                violation_error_message="A completed copy has a path and a size.",
            ),
        ]
        indexes = [models.Index(fields=["vm_disk", "disk_id"], name="backup_disks_of_vm_disk")]

    def __str__(self) -> str:
        return f"{self.job_id} {self.disk_id}"


class RestoreMode(models.TextChoices):
    RESTORE = "restore"
    MOUNT = "mount"


class RestoreStatus(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    MOUNTED = "mounted"
    UNMOUNTED = "unmounted"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_R = RestoreStatus
RESTORE = Lifecycle(
    RestoreStatus,
    {
        _R.PENDING: [_R.RUNNING, _R.FAILED, _R.CANCELLED],
        _R.RUNNING: [_R.COMPLETED, _R.MOUNTED, _R.FAILED, _R.CANCELLED],
        _R.MOUNTED: [_R.UNMOUNTED, _R.FAILED],
        _R.UNMOUNTED: [],
        _R.COMPLETED: [],
        _R.FAILED: [],
        _R.CANCELLED: [],
    },
    waiting=[_R.PENDING],
)


def new_restore_id(vm_name: str) -> str:
    """A new public identifier of a restore job of this VM."""
    return new_identifier("restore", slug(vm_name), stamp(timezone.now()))


class RestoreJob(Leased, Job):
    """What was restored or mounted, from which restore point, to where.

    It reads a copy and does not touch the VM, so that it takes no claim.
    """

    id = CodeField(max_length=191, primary_key=True)
    backup = models.ForeignKey(BackupJob, on_delete=models.PROTECT, related_name="restore_jobs")
    backup_disk = models.ForeignKey(
        BackupDisk,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="restore_jobs",
        help_text="Empty: all disks of the restore point.",
    )
    mode = CodeField(max_length=64, choices=RestoreMode)
    destination = models.CharField(max_length=1024, help_text="Where to: a target, a path, a mount point.")
    status = CodeField(
        max_length=64, choices=RestoreStatus, default=RestoreStatus.PENDING, db_default=RestoreStatus.PENDING
    )
    is_active_mount = models.BooleanField(null=True, blank=True, editable=False)

    KIND = "restore"
    VM = "backup__vm_context"
    HOLDS_CLAIM = False
    LEASE = ""
    LIFECYCLE = RESTORE

    class Meta:
        db_table = "restore_jobs"
        ordering = ["-created_at"]
        constraints = [
            *RESTORE.constraints("restore_jobs"),
            *Leased.constraints("restore_jobs"),
            models.UniqueConstraint(fields=["backup_disk", "is_active_mount"], name="restore_jobs_one_active_mount"),
            known("restore_jobs", "mode", RestoreMode),
            filled("restore_jobs", "id", "destination", *Job.FILLED),
            true_or_unset("restore_jobs", "is_active_mount"),
            set_while(
                "restore_jobs",
                "mount_active_by_status",
                "is_active_mount",
                Q(mode=RestoreMode.MOUNT, status__in=RESTORE.active),
                "A mount is active until it is unmounted, has failed or was cancelled.",
            ),
            models.CheckConstraint(
                condition=Q(mode=RestoreMode.RESTORE) | Q(backup_disk__isnull=False),
                name="restore_jobs_mount_names_disk",
                violation_error_message="A mount names the disk that is mounted.",
            ),
            models.CheckConstraint(
                condition=Q(mode=RestoreMode.MOUNT) | ~Q(status__in=["mounted", "unmounted"]),
                name="restore_jobs_only_mounts_are_mounted",
                violation_error_message="Only a mount is mounted and unmounted.",
            ),
            models.CheckConstraint(
                condition=Q(mode=RestoreMode.RESTORE) | ~Q(status="completed"),
                name="restore_jobs_mounts_are_unmounted",
                violation_error_message="A mount ends by being unmounted.",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "created_at"], name="restore_jobs_status"),
            models.Index(fields=["created_at"], name="restore_jobs_created"),
        ]

    def __str__(self) -> str:
        return self.id
