"""What discovery did: one run of a source, one outcome per VM seen or asked for."""

from django.db import models
from django.db.models import Q

from config.schema.constraints import at_least, dated, filled, known, set_while
from config.schema.fields import CodeField
from inventory.models.base import Stamped
from inventory.models.contexts import VMContext
from inventory.models.sources import Vcenter


class SourceKind(models.TextChoices):
    VCENTER = "vcenter", "vCenter"
    RVTOOLS = "rvtools", "RVTools"
    VMA = "vma", "VMA"


class RunStatus(models.TextChoices):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class DiscoveryRun(Stamped):
    """One reading of a source. It is complete only if it saw the whole estate of its vCenter."""

    vcenter = models.ForeignKey(
        Vcenter, on_delete=models.PROTECT, null=True, blank=True, related_name="discovery_runs", verbose_name="vCenter"
    )
    source_kind = CodeField(max_length=64, choices=SourceKind)
    source_name = models.CharField(max_length=255, help_text="Host or file that was read; no credentials.")
    added_by = models.CharField(max_length=255, null=True, blank=True)
    names_asked_for = models.JSONField(null=True, blank=True, help_text="Empty: all VMs.")
    status = CodeField(max_length=64, choices=RunStatus, default=RunStatus.RUNNING, db_default=RunStatus.RUNNING)
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict, blank=True, help_text="How many VMs had which outcome.")
    findings = models.JSONField(default=list, blank=True, help_text="What in the source was not as it should be.")
    findings_total = models.IntegerField(default=0, db_default=0)
    error_code = CodeField(max_length=64, null=True, blank=True)
    error_message = models.TextField(null=True, blank=True)

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
        ]
        indexes = [
            models.Index(fields=["vcenter", "-started_at"], name="discovery_runs_newest"),
            models.Index(fields=["started_at"], name="discovery_runs_started"),
        ]

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
