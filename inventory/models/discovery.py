"""What discovery did: one run of a source, one outcome per VM seen or asked for."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThan

from config.schema.constraints import at_least, dated, filled, known, set_while
from config.schema.fields import CodeField, SecondsSince
from inventory.models.base import Stamped
from inventory.models.contexts import VMContext
from inventory.models.sources import Vcenter


class SourceKind(models.TextChoices):
    VCENTER = "vcenter", "vCenter"
    RVTOOLS = "rvtools", "RVTools"
    VMA = "vma", "VMA"


class RunStatus(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


SILENT_FOR = timedelta(minutes=15)
"""A run without a lease that has written nothing for this long, though each wait of a source is shorter, is lost."""


class DiscoveryRunQuerySet(models.QuerySet["DiscoveryRun"]):
    def with_silence(self) -> "DiscoveryRunQuerySet":
        """Each with `silent_seconds`, by the database's clock: since who reads the source last reported."""
        return self.annotate(silent_seconds=SecondsSince(Coalesce("heartbeat_at", "updated_at")))

    def lost(self) -> "DiscoveryRunQuerySet":
        """Those whose reader has not reported within its lease."""
        allowed = Coalesce("lease_seconds", Value(int(SILENT_FOR.total_seconds())))
        silent: GreaterThan[Any] = GreaterThan(SecondsSince(Coalesce("heartbeat_at", "updated_at")), allowed)
        return self.filter(silent, status=RunStatus.RUNNING)


class DiscoveryRun(Stamped):
    """One reading of a source. It is complete only if it saw the whole estate of its vCenter.

    One that waits is taken by a worker, which holds a lease; one of the command line or of a call holds none.
    """

    vcenter = models.ForeignKey(
        Vcenter, on_delete=models.PROTECT, null=True, blank=True, related_name="discovery_runs", verbose_name="vCenter"
    )
    source_kind = CodeField(max_length=64, choices=SourceKind)
    source_name = models.CharField(max_length=255, help_text="Host or file that was read; no credentials.")
    added_by = models.CharField(max_length=255, null=True, blank=True)
    names_asked_for = models.JSONField(null=True, blank=True, help_text="Empty: all VMs.")
    status = CodeField(max_length=64, choices=RunStatus, default=RunStatus.RUNNING, db_default=RunStatus.RUNNING)
    started_at = models.DateTimeField(help_text="Since when it runs; of one that waits, when it was asked for.")
    completed_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict, blank=True, help_text="How many VMs had which outcome.")
    findings = models.JSONField(default=list, blank=True, help_text="What in the source was not as it should be.")
    findings_total = models.IntegerField(default=0, db_default=0)
    error_code = CodeField(max_length=64, null=True, blank=True)
    error_message = models.TextField(null=True, blank=True)
    attempt = models.IntegerField(
        default=1, db_default=1, help_text="How often it was begun, where its worker was lost before."
    )
    heartbeat_at = models.DateTimeField(null=True, blank=True, help_text="When its worker last reported.")
    lease_seconds = models.IntegerField(null=True, blank=True, help_text="For how long a report of its worker counts.")

    objects = DiscoveryRunQuerySet.as_manager()

    class Meta:
        db_table = "discovery_runs"
        ordering = ["-started_at", "-id"]
        get_latest_by = "started_at"
        constraints = [
            known("discovery_runs", "source_kind", SourceKind),
            known("discovery_runs", "status", RunStatus),
            filled("discovery_runs", "source_name", "added_by", "error_code", "error_message"),
            dated("discovery_runs", "started_at"),
            at_least("discovery_runs", 0, "findings_total"),
            set_while(
                "discovery_runs",
                "ended_has_time",
                "completed_at",
                Q(status__in=[RunStatus.COMPLETED.value, RunStatus.FAILED.value]),
                "A run that has ended has the time of its end, a running one has none.",
            ),
            at_least("discovery_runs", 1, "attempt", "lease_seconds"),
            set_while(
                "discovery_runs",
                "lease_whole",
                "lease_seconds",
                Q(heartbeat_at__isnull=False),
                "A lease has a last report and a length, or neither.",
            ),
            models.CheckConstraint(
                condition=~Q(status=RunStatus.WAITING) | Q(vcenter__isnull=False),
                name="discovery_runs_waiting_has_vcenter",
                violation_error_message="A run that waits says which vCenter is to be read.",
            ),
        ]
        indexes = [
            models.Index(fields=["vcenter", "-started_at"], name="discovery_runs_newest"),
            models.Index(fields=["started_at"], name="discovery_runs_started"),
            models.Index(fields=["status", "started_at"], name="discovery_runs_queue"),
        ]

    @property
    def is_lost(self) -> bool:
        """Whether who reads the source is silent for longer than it may; for a row of `with_silence`."""
        silent: float = self.silent_seconds  # type: ignore[attr-defined]
        allowed = self.lease_seconds or SILENT_FOR.total_seconds()
        return self.status == RunStatus.RUNNING and silent > allowed

    def __str__(self) -> str:
        return f"{self.source_kind} {self.source_name} {self.started_at:%Y-%m-%d %H:%M}"


class Outcome(models.TextChoices):
    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    MISSING = "missing"
    CONFLICT = "conflict"
    FAILED = "failed"


class DiscoveryOutcome(models.Model):
    """What one run did with one VM, or with one name that was asked for."""

    run = models.ForeignKey(DiscoveryRun, on_delete=models.CASCADE, related_name="outcomes")
    vm_name = models.CharField(max_length=255)
    vm_context = models.ForeignKey(
        VMContext,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="discovery_outcomes",
        verbose_name="VM context",
    )
    outcome = CodeField(max_length=64, choices=Outcome)
    reason = models.TextField(null=True, blank=True)
    changes = models.JSONField(null=True, blank=True, help_text="Field: [before, after].")

    class Meta:
        db_table = "discovery_outcomes"
        ordering = ["id"]
        constraints = [
            known("discovery_outcomes", "outcome", Outcome),
            filled("discovery_outcomes", "vm_name", "reason"),
            models.CheckConstraint(
                condition=~Q(outcome__in=["missing", "conflict", "failed"]) | Q(reason__isnull=False),
                name="discovery_outcomes_reason_given",
                violation_error_message="Say why the VM is missing, in conflict or failed.",
            ),
        ]
        indexes = [models.Index(fields=["run", "outcome"], name="discovery_outcomes_by_outcome")]

    def __str__(self) -> str:
        return f"{self.vm_name}: {self.outcome}"
