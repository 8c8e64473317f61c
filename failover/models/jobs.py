"""Failover jobs: what was decided, what was done, and what followed."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q

from config.jobs.lifecycle import Lifecycle
from config.jobs.models import Job, JobQuerySet
from config.schema.constraints import at_least, filled, known, set_while, true_or_unset
from config.schema.fields import CodeField, UtcNow
from failover.models.mappings import Purpose
from inventory.identifiers import new_identifier, slug
from inventory.models import HolderKind, VMContext
from inventory.models.base import Stamped
from replication.models import ReplicationJob, Target, TargetVolume


class FailoverStatus(models.TextChoices):
    PENDING = "pending"
    VALIDATING = "validating"
    SNAPSHOTTING = "snapshotting"
    CREATING_VM = "creating_vm", "creating the VM"
    SWITCHING_VOLUME = "switching_volume"
    POWERING_ON = "powering_on"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_S = FailoverStatus
FAILOVER = Lifecycle(
    FailoverStatus,
    {
        _S.PENDING: [_S.VALIDATING, _S.FAILED, _S.CANCELLED],
        _S.VALIDATING: [_S.SNAPSHOTTING, _S.FAILED, _S.CANCELLED],
        _S.SNAPSHOTTING: [_S.CREATING_VM, _S.FAILED],
        _S.CREATING_VM: [_S.SWITCHING_VOLUME, _S.FAILED],
        _S.SWITCHING_VOLUME: [_S.POWERING_ON, _S.FAILED],
        _S.POWERING_ON: [_S.COMPLETED, _S.FAILED],
        _S.COMPLETED: [],
        _S.FAILED: [],
        _S.CANCELLED: [],
    },
    waiting=[_S.PENDING],
)


class Aftermath(models.TextChoices):
    """What follows a failover job that has ended. One that had made nothing ends with `none`."""

    NONE = "none", "nothing to undo"
    DUE = "due", "waits for a decision"
    CLEANUP = "cleanup", "cleaning up"
    CLEANUP_FAILED = "cleanup_failed"
    CLEANED = "cleaned"
    COMMITTED = "committed"
    REVERTING = "reverting"
    REVERT_FAILED = "revert_failed"
    ROLLED_BACK = "rolled_back"


_A = Aftermath
AFTERMATH_MOVES: dict[str, dict[str, tuple[str, ...]]] = {
    Purpose.TEST.value: {
        _A.NONE.value: (_A.DUE.value,),
        _A.DUE.value: (_A.CLEANUP.value,),
        _A.CLEANUP.value: (_A.CLEANED.value, _A.CLEANUP_FAILED.value),
        _A.CLEANUP_FAILED.value: (_A.CLEANUP.value,),
        _A.CLEANED.value: (),
    },
    Purpose.LIVE.value: {
        _A.NONE.value: (_A.DUE.value,),
        _A.DUE.value: (_A.COMMITTED.value, _A.REVERTING.value),
        _A.REVERTING.value: (_A.ROLLED_BACK.value, _A.REVERT_FAILED.value),
        _A.REVERT_FAILED.value: (_A.REVERTING.value,),
        _A.COMMITTED.value: (),
        _A.ROLLED_BACK.value: (),
    },
}
# Beside these `none` is an end too, once the job has ended.
ACTIVE_AFTERMATH = tuple(each.value for each in (_A.DUE, _A.CLEANUP, _A.CLEANUP_FAILED, _A.REVERTING, _A.REVERT_FAILED))
WORKED_AFTERMATH = (_A.CLEANUP.value, _A.REVERTING.value)
"""In which an engine works; in the other active ones a person has to decide."""
AFTERMATH_ENDS = (_A.CLEANED.value, _A.COMMITTED.value, _A.ROLLED_BACK.value)


def new_failover_id(kind: str, vmware_id: str, unix_time: int) -> str:
    """A new public identifier of a failover job of the VM that VMware knows by this id."""
    return new_identifier(kind, "failover", slug(vmware_id), str(unix_time))


class FailoverQuerySet(JobQuerySet):
    def waiting(self) -> Self:
        """Those that an engine may take. A job of a plan is none of them before its step has begun."""
        return super().waiting().exclude(plan_step__status=StepStatus.PENDING)


class FailoverJob(Job):
    """One test or live failover of one VM, with the specification and mappings it was decided on."""

    job_id = CodeField(max_length=191, unique=True)
    vm_context = models.ForeignKey(
        VMContext, on_delete=models.PROTECT, related_name="failover_jobs", verbose_name="VM context"
    )
    replication_job = models.ForeignKey(
        ReplicationJob, on_delete=models.PROTECT, null=True, blank=True, related_name="failover_jobs"
    )
    target = models.ForeignKey(Target, on_delete=models.PROTECT, null=True, blank=True, related_name="failover_jobs")
    job_type = CodeField(max_length=64, choices=Purpose)
    status = CodeField(
        max_length=64, choices=FailoverStatus, default=FailoverStatus.PENDING, db_default=FailoverStatus.PENDING
    )
    aftermath = CodeField(max_length=64, choices=Aftermath, default=Aftermath.NONE, db_default=Aftermath.NONE)
    aftermath_since = models.DateTimeField(null=True, blank=True, help_text="Since when the aftermath is as it is.")
    aftermath_completed_at = models.DateTimeField(null=True, blank=True)
    source_vm_name = models.CharField(max_length=255)
    source_vm_spec = models.JSONField(null=True, blank=True)
    network_mappings = models.JSONField(null=True, blank=True)
    readiness_findings = models.JSONField(null=True, blank=True)
    override_reason = models.TextField(null=True, blank=True)
    override_by = models.CharField(max_length=255, null=True, blank=True)
    destination_vm_id = CodeField(max_length=191, null=True, blank=True)

    objects: ClassVar[Any] = FailoverQuerySet.as_manager()

    KIND = HolderKind.FAILOVER.value
    PUBLIC_ID = "job_id"
    LIFECYCLE = FAILOVER
    OTHER_MOVES = {f"aftermath ({kind})": moves for kind, moves in AFTERMATH_MOVES.items()}
    # Seed 001's cleanup and reverting.
    SHOWN_INSTEAD = {
        "aftermath": tuple(
            each.value
            for each in (Aftermath.CLEANUP, Aftermath.CLEANUP_FAILED, Aftermath.REVERTING, Aftermath.REVERT_FAILED)
        )
    }

    class Meta:
        db_table = "failover_jobs"
        ordering = ["-created_at"]
        permissions = [
            ("start_live_failover", "Can fail a VM over for real"),
            ("override_readiness", "Can fail over a VM that readiness refuses"),
            ("clean_up_failover", "Can clean up a test failover"),
            ("roll_back_failover", "Can roll back a live failover"),
            ("commit_failover", "Can accept a live failover"),
            ("set_back_vm", "Can say that a VM runs at its source again"),
        ]
        constraints = [
            *FAILOVER.constraints("failover_jobs"),
            known("failover_jobs", "job_type", Purpose),
            known("failover_jobs", "aftermath", Aftermath),
            filled(
                "failover_jobs",
                *("job_id", "source_vm_name", "override_reason", "override_by", "destination_vm_id", *Job.FILLED),
            ),
            models.CheckConstraint(
                condition=Q(job_type=Purpose.TEST, aftermath__in=list(AFTERMATH_MOVES[Purpose.TEST]))
                | Q(job_type=Purpose.LIVE, aftermath__in=list(AFTERMATH_MOVES[Purpose.LIVE])),
                name="failover_jobs_aftermath_of_kind",
                violation_error_message="A test is cleaned up, a live failover is committed or rolled back.",
            ),
            models.CheckConstraint(
                condition=Q(aftermath=Aftermath.NONE)
                | Q(status__in=[FailoverStatus.COMPLETED.value, FailoverStatus.FAILED.value]),
                name="failover_jobs_aftermath_after_the_end",
                violation_error_message="Only a failover job that has completed or failed has something to undo.",
            ),
            models.CheckConstraint(
                condition=~Q(status=FailoverStatus.COMPLETED) | ~Q(aftermath=Aftermath.NONE),
                name="failover_jobs_completed_has_aftermath",
                violation_error_message="A completed failover job has made something that must be kept or undone.",
            ),
            set_while(
                "failover_jobs",
                "aftermath_ended_has_time",
                "aftermath_completed_at",
                Q(aftermath__in=list(AFTERMATH_ENDS)),
                "An aftermath that has ended has the time of its end; any other has none.",
            ),
            set_while(
                "failover_jobs",
                "override_by_whom",
                "override_by",
                Q(override_reason__isnull=False),
                "An override names a person and a reason, or neither.",
            ),
        ]
        indexes = [
            models.Index(fields=["vm_context", "-created_at"], name="failover_jobs_newest_of_vm"),
            models.Index(fields=["status", "created_at"], name="failover_jobs_status"),
            models.Index(fields=["aftermath"], name="failover_jobs_aftermath"),
            models.Index(fields=["job_type"], name="failover_jobs_type"),
            models.Index(fields=["created_at"], name="failover_jobs_created"),
        ]

    def __str__(self) -> str:
        return self.job_id

    @classmethod
    def active_in(cls) -> Mapping[str, tuple[str, ...]]:
        return {**super().active_in(), "aftermath": ACTIVE_AFTERMATH}

    @classmethod
    def worked_in(cls) -> Mapping[str, tuple[str, ...]]:
        return {**super().worked_in(), "aftermath": WORKED_AFTERMATH}

    def following(self, field: str = "status") -> tuple[str, ...]:
        return AFTERMATH_MOVES[self.job_type][self.aftermath] if field == "aftermath" else super().following(field)

    def times(self, field: str, to: str) -> Mapping[str, Any]:
        if field != "aftermath":
            return super().times(field, to)
        times = {"aftermath_since": UtcNow()}
        return times | {"aftermath_completed_at": UtcNow()} if to in AFTERMATH_ENDS else times

    @property
    def has_passed(self) -> bool:
        """A test has passed only once it is completed and cleaned."""
        return self.status == FailoverStatus.COMPLETED and self.aftermath == Aftermath.CLEANED


class SnapshotStatus(models.TextChoices):
    CREATING = "creating"
    READY = "ready"
    RESTORED = "restored"
    DELETED = "deleted"
    FAILED = "failed"


ACTIVE_SNAPSHOT = (SnapshotStatus.CREATING.value, SnapshotStatus.READY.value)
SNAPSHOT_MOVES: dict[str, tuple[str, ...]] = {
    SnapshotStatus.CREATING.value: (SnapshotStatus.READY.value, SnapshotStatus.FAILED.value),
    SnapshotStatus.READY.value: (SnapshotStatus.RESTORED.value, SnapshotStatus.DELETED.value),
    SnapshotStatus.RESTORED.value: (),
    SnapshotStatus.DELETED.value: (),
    SnapshotStatus.FAILED.value: (),
}


class VolumeSnapshot(Stamped):
    """A snapshot of one target volume, made for one failover job."""

    job = models.ForeignKey(FailoverJob, on_delete=models.PROTECT, related_name="snapshots")
    volume = models.ForeignKey(TargetVolume, on_delete=models.PROTECT, related_name="snapshots")
    snapshot_id = CodeField(max_length=191, null=True, blank=True, unique=True, help_text="The cloud's own id.")
    status = CodeField(
        max_length=64, choices=SnapshotStatus, default=SnapshotStatus.CREATING, db_default=SnapshotStatus.CREATING
    )
    is_active = models.BooleanField(null=True, blank=True, default=True, db_default=True, editable=False)
    error_message = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "volume_snapshots"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["volume", "job", "is_active"], name="volume_snapshots_one_active"),
            known("volume_snapshots", "status", SnapshotStatus),
            filled("volume_snapshots", "snapshot_id", "error_message"),
            true_or_unset("volume_snapshots", "is_active"),
            set_while(
                "volume_snapshots",
                "active_by_status",
                "is_active",
                Q(status__in=list(ACTIVE_SNAPSHOT)),
                "A snapshot is active while it is being made or ready.",
            ),
            models.CheckConstraint(
                condition=~Q(status=SnapshotStatus.READY) | Q(snapshot_id__isnull=False),
                name="volume_snapshots_ready_has_id",
                violation_error_message="A ready snapshot has the cloud's id.",
            ),
        ]

    def __str__(self) -> str:
        return self.snapshot_id or f"snapshot of {self.volume_id}"


class StepStatus(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


STEP_ENDS = (StepStatus.COMPLETED.value, StepStatus.FAILED.value, StepStatus.SKIPPED.value)


def step_checks(table: str) -> list[models.CheckConstraint]:
    """The checks of a table of steps: a known status, and times that agree with it."""
    return [
        known(table, "status", StepStatus),
        set_while(
            table,
            "ended_has_time",
            "completed_at",
            Q(status__in=list(STEP_ENDS)),
            "A step that has ended has the time of its end; any other has none.",
        ),
        models.CheckConstraint(
            condition=~Q(status=StepStatus.RUNNING) | Q(started_at__isnull=False),
            name=f"{table}_running_has_time",
            violation_error_message="A running step has the time of its start.",
        ),
    ]


class FailoverStep(Stamped):
    """One step of a failover job."""

    job = models.ForeignKey(FailoverJob, on_delete=models.CASCADE, related_name="steps")
    seq = models.IntegerField()
    name = models.CharField(max_length=128)
    status = CodeField(max_length=64, choices=StepStatus, default=StepStatus.PENDING, db_default=StepStatus.PENDING)
    attempts = models.IntegerField(default=0, db_default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    message = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "failover_steps"
        ordering = ["job", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["job", "seq"], name="failover_steps_seq_per_job"),
            *step_checks("failover_steps"),
            filled("failover_steps", "name", "message"),
            at_least("failover_steps", 0, "attempts"),
            at_least("failover_steps", 1, "seq"),
        ]

    def __str__(self) -> str:
        return f"{self.seq}. {self.name}"
