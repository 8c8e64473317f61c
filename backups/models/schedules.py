"""When VMs are backed up by the clock, and what became of each time."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Value
from django.db.models.functions import Concat

from backups.models.jobs import BackupJob
from backups.models.stores import BackupPolicy, BackupRepository
from config.jobs.slots import Scheduled, Slot, clean_schedule
from config.schema.constraints import filled, known
from config.schema.fields import CodeField
from inventory.models import VMContext
from inventory.models.base import Stamped, Versioned


class ScheduledType(models.TextChoices):
    """What is asked for: `auto` is incremental where that can be."""

    AUTO = "auto"
    FULL = "full"


class BackupSchedule(Scheduled, Stamped, Versioned):
    """That a VM is backed up to a repository by the clock."""

    vm_context = models.ForeignKey(
        VMContext, on_delete=models.PROTECT, related_name="backup_schedules", verbose_name="VM context"
    )
    repository = models.ForeignKey(BackupRepository, on_delete=models.PROTECT, related_name="backup_schedules")
    policy = models.ForeignKey(
        BackupPolicy,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="backup_schedules",
        help_text="How long its restore points are kept; empty: until somebody prunes them.",
    )
    backup_type = CodeField(
        max_length=64, choices=ScheduledType, default=ScheduledType.AUTO, db_default=ScheduledType.AUTO
    )
    schedule = CodeField(max_length=255, help_text="Cron expression by the clocks of the time zone.")
    time_zone = CodeField(max_length=64, default="UTC", db_default="UTC", help_text="An IANA name.")
    enabled = models.BooleanField(default=True, db_default=True)

    CALENDAR = Concat("schedule", Value(" ", CodeField()), "time_zone", output_field=CodeField())

    class Meta:
        db_table = "backup_schedules"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["vm_context", "repository", "schedule"], name="backup_schedules_once"),
            known("backup_schedules", "backup_type", ScheduledType),
            filled("backup_schedules", "schedule", "time_zone", "planned_for"),
        ]
        indexes = [
            models.Index(fields=["next_slot_at"], name="backup_schedules_next_slot"),
            models.Index(fields=["created_at"], name="backup_schedules_created"),
        ]

    def __str__(self) -> str:
        return f"{self.vm_context_id} to {self.repository_id}: {self.schedule} {self.time_zone}"

    @property
    def calendar(self) -> str:
        return f"{self.schedule} {self.time_zone}"

    @property
    def zone(self) -> str:
        return self.time_zone

    def clean(self) -> None:
        """Refuse a schedule that is none, and what belongs to another organisation than the VM."""
        super().clean()
        clean_schedule(self.schedule, self.time_zone)
        strange: dict[str, Any] = {}
        for name in ("repository", "policy"):
            other = getattr(self, name, None) if getattr(self, f"{name}_id") else None
            if other and self.vm_context_id and other.organization_id != self.vm_context.vcenter.organization_id:
                strange[name] = f"{other} belongs to another organisation than {self.vm_context}."
        if strange:
            raise ValidationError(strange)


class BackupSlot(Slot):
    """One time at which a VM was to be backed up by a schedule; it outlives the schedule."""

    schedule = models.ForeignKey(BackupSchedule, on_delete=models.SET_NULL, null=True, blank=True, related_name="slots")
    vm_context = models.ForeignKey(
        VMContext, on_delete=models.PROTECT, related_name="backup_slots", verbose_name="VM context"
    )
    job = models.ForeignKey(BackupJob, on_delete=models.SET_NULL, null=True, blank=True, related_name="slots")

    class Meta:
        db_table = "backup_slots"
        ordering = ["-slot_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["schedule", "slot_at"], name="backup_slots_once"),
            *Slot.constraints("backup_slots"),
        ]
        indexes = [
            models.Index(fields=["outcome", "slot_at"], name="backup_slots_outcome"),
            models.Index(fields=["slot_at"], name="backup_slots_time"),
        ]

    def __str__(self) -> str:
        return f"{self.vm_context_id} {self.slot_at:%Y-%m-%d %H:%M}"
