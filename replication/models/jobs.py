"""Protections, the jobs that keep copies current, and the change ids that say what a copy is current to."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from config.jobs.lifecycle import Lifecycle
from config.jobs.models import Job
from config.jobs.slots import Scheduled, Slot, clean_schedule
from config.schema.constraints import at_least, dated, filled, known, longer, set_while, true_or_unset
from config.schema.fields import CodeField, UtcNow
from inventory.identifiers import new_identifier, stamp
from inventory.models import HolderKind, VMContext, VMDisk
from inventory.models.base import Stamped, Versioned
from replication.models.targets import Target


class Protection(Scheduled, Stamped, Versioned):
    """That a VM is protected: where its copy goes, how often, and how old it may become."""

    vm_context = models.OneToOneField(
        VMContext, on_delete=models.PROTECT, related_name="protection", verbose_name="VM context"
    )
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="protections")
    rpo_seconds = models.IntegerField("RPO (seconds)", help_text="How old the newest complete copy may be.")
    schedule = models.CharField(
        max_length=255, null=True, blank=True, help_text="Cron expression, UTC; empty: by hand."
    )
    enabled = models.BooleanField(default=True, db_default=True)

    class Meta:
        db_table = "protections"
        constraints = [
            filled("protections", "schedule"),
            at_least("protections", 1, "rpo_seconds"),
            models.CheckConstraint(
                condition=longer("planned_for", 0),
                name="protections_planned_for_filled",
                violation_error_message="What the next slot was reckoned from is said, or unset.",
            ),
        ]
        indexes = [models.Index(fields=["next_slot_at"], name="protections_next_slot")]

    def __str__(self) -> str:
        return f"{self.vm_context_id} to {self.target_id}"

    def clean(self) -> None:
        """Refuse a schedule that is none."""
        super().clean()
        if self.schedule is not None:
            clean_schedule(self.schedule, self.zone)


class ReplicationType(models.TextChoices):
    INITIAL = "initial"
    INCREMENTAL = "incremental"


class ReplicationStatus(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    REPLICATING = "replicating"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_S = ReplicationStatus
REPLICATION = Lifecycle(
    ReplicationStatus,
    {
        _S.PENDING: [_S.RUNNING, _S.FAILED, _S.CANCELLED],
        _S.RUNNING: [_S.REPLICATING, _S.FAILED, _S.CANCELLED],
        _S.REPLICATING: [_S.COMPLETED, _S.FAILED, _S.CANCELLED],
        _S.COMPLETED: [],
        _S.FAILED: [],
        _S.CANCELLED: [],
    },
    waiting=[_S.PENDING],
)


def new_replication_id() -> str:
    """A new public identifier of a replication job."""
    return new_identifier("job", stamp(timezone.now()))


class ReplicationJob(Job):
    """One run that copies all disks of a VM to its target."""

    id = CodeField(max_length=191, primary_key=True)
    vm_context = models.ForeignKey(
        VMContext, on_delete=models.PROTECT, related_name="replication_jobs", verbose_name="VM context"
    )
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="replication_jobs")
    replication_type = CodeField(max_length=64, choices=ReplicationType)
    type_reason = models.TextField(null=True, blank=True, help_text="Why this run is a full or an incremental one.")
    status = CodeField(
        max_length=64,
        choices=ReplicationStatus,
        default=ReplicationStatus.PENDING,
        db_default=ReplicationStatus.PENDING,
    )
    source_vm_name = models.CharField(max_length=255, help_text="As it was when the job was created.")
    source_vm_path = models.CharField(max_length=1024, null=True, blank=True)
    snapshot_at = models.DateTimeField(null=True, blank=True, help_text="The instant of the source that was copied.")

    KIND = HolderKind.REPLICATION.value
    LIFECYCLE = REPLICATION

    class Meta:
        db_table = "replication_jobs"
        ordering = ["-created_at"]
        constraints = [
            *REPLICATION.constraints("replication_jobs"),
            known("replication_jobs", "replication_type", ReplicationType),
            filled("replication_jobs", "id", "source_vm_name", "source_vm_path", "type_reason", *Job.FILLED),
        ]
        indexes = [
            models.Index(fields=["vm_context", "-created_at"], name="replication_jobs_newest_of_vm"),
            models.Index(fields=["vm_context", "status", "snapshot_at"], name="replication_jobs_copies_of_vm"),
            models.Index(fields=["status", "created_at"], name="replication_jobs_status"),
            models.Index(fields=["created_at"], name="replication_jobs_created"),
        ]

    def __str__(self) -> str:
        return self.id


class ReplicationSlot(Slot):
    """One time at which a VM was to be replicated by its schedule; it outlives the protection."""

    vm_context = models.ForeignKey(
        VMContext, on_delete=models.PROTECT, related_name="replication_slots", verbose_name="VM context"
    )
    job = models.ForeignKey(ReplicationJob, on_delete=models.SET_NULL, null=True, blank=True, related_name="slots")

    class Meta:
        db_table = "replication_slots"
        ordering = ["-slot_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["vm_context", "slot_at"], name="replication_slots_once"),
            *Slot.constraints("replication_slots"),
        ]
        indexes = [
            models.Index(fields=["outcome", "slot_at"], name="replication_slots_outcome"),
            models.Index(fields=["slot_at"], name="replication_slots_time"),
        ]

    def __str__(self) -> str:
        return f"{self.vm_context_id} {self.slot_at:%Y-%m-%d %H:%M}"


class DiskStatus(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class ReplicationDisk(Stamped):
    """How far one disk has come in one job."""

    job = models.ForeignKey(ReplicationJob, on_delete=models.CASCADE, related_name="disks")
    vm_disk = models.ForeignKey(VMDisk, on_delete=models.PROTECT, related_name="replication_disks")
    status = CodeField(max_length=64, choices=DiskStatus, default=DiskStatus.PENDING, db_default=DiskStatus.PENDING)
    bytes_total = models.BigIntegerField(null=True, blank=True)
    bytes_synced = models.BigIntegerField(default=0, db_default=0)
    base_change_id = CodeField(max_length=255, null=True, blank=True)
    new_change_id = CodeField(max_length=255, null=True, blank=True)

    class Meta:
        db_table = "replication_disks"
        constraints = [
            models.UniqueConstraint(fields=["job", "vm_disk"], name="replication_disks_once_per_job"),
            known("replication_disks", "status", DiskStatus),
            filled("replication_disks", "base_change_id", "new_change_id"),
            at_least("replication_disks", 0, "bytes_total", "bytes_synced"),
            models.CheckConstraint(
                condition=Q(bytes_synced__lte=F("bytes_total")) | Q(bytes_total__isnull=True),
                name="replication_disks_synced_within_total",
                violation_error_message="No more bytes are copied than there are.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} {self.vm_disk_id}"


class InvalidReason(models.TextChoices):
    MALFORMED = "malformed"
    OTHER_UUID = "other_uuid", "another uuid part"
    RESIZED = "resized", "capacity changed"
    REVERTED = "reverted", "snapshot reverted"
    TRACKING_RESET = "tracking_reset"
    TARGET_WRITTEN = "target_written", "target volume written by a test failover"
    VOLUME_REPLACED = "volume_replaced", "target volume replaced"


class ChangeIdQuerySet(models.QuerySet["ChangeId"]):
    def bases(self) -> "ChangeIdQuerySet":
        """Those from which an incremental run may go on: current, and of the capacity that the disk still has."""
        return self.filter(is_current=True, capacity_bytes=F("vm_disk__capacity_bytes"))


class ChangeId(models.Model):
    """One change id of one disk; the current one is the base of the next incremental run."""

    vm_disk = models.ForeignKey(VMDisk, on_delete=models.PROTECT, related_name="change_ids")
    job = models.ForeignKey(ReplicationJob, on_delete=models.SET_NULL, null=True, blank=True, related_name="change_ids")
    generation = models.IntegerField(help_text="Counts from 1 for each disk.")
    change_id = CodeField(max_length=255)
    base_change_id = CodeField(max_length=255, null=True, blank=True, help_text="Empty: a full copy.")
    capacity_bytes = models.BigIntegerField(help_text="Of the disk, at the snapshot.")
    sync_success = models.BooleanField(default=False, db_default=False)
    bytes_synced = models.BigIntegerField(default=0, db_default=0)
    snapshot_at = models.DateTimeField()
    committed_at = models.DateTimeField(null=True, blank=True)
    invalidated_at = models.DateTimeField(null=True, blank=True)
    invalid_reason = CodeField(max_length=64, choices=InvalidReason, null=True, blank=True)
    is_current = models.BooleanField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=UtcNow(), editable=False)

    objects = ChangeIdQuerySet.as_manager()

    class Meta:
        db_table = "cbt_history"
        verbose_name = "change id"
        ordering = ["vm_disk", "-generation"]
        constraints = [
            models.UniqueConstraint(fields=["vm_disk", "generation"], name="cbt_history_generation_per_disk"),
            models.UniqueConstraint(fields=["vm_disk", "is_current"], name="cbt_history_one_current"),
            known("cbt_history", "invalid_reason", InvalidReason),
            filled("cbt_history", "change_id", "base_change_id"),
            dated("cbt_history", "snapshot_at"),
            at_least("cbt_history", 0, "bytes_synced"),
            at_least("cbt_history", 1, "capacity_bytes", "generation"),
            true_or_unset("cbt_history", "is_current"),
            set_while(
                "cbt_history",
                "invalid_for_a_reason",
                "invalid_reason",
                Q(invalidated_at__isnull=False),
                "A change id is invalid from a time on and for a reason, or neither.",
            ),
            models.CheckConstraint(
                condition=Q(is_current__isnull=True)
                | Q(committed_at__isnull=False, invalidated_at__isnull=True, sync_success=True),
                name="cbt_history_current_is_committed",
                violation_error_message="Only a committed, valid change id of a complete copy is current.",
            ),
        ]
        indexes = [models.Index(fields=["sync_success"], name="cbt_history_sync_success")]

    def __str__(self) -> str:
        return self.change_id
