"""Alerts, and the time series of hosts and VMs."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from config.schema.constraints import (
    at_least,
    begins_with,
    dated,
    filled,
    known,
    percent,
    prefixed,
    set_while,
    true_or_unset,
)
from config.schema.fields import CodeField
from inventory.models.base import Stamped
from inventory.models.contexts import VMContext
from inventory.models.sources import Host


class Severity(models.TextChoices):
    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Alert(Stamped):
    """Something a person should know of a VM, a host or the installation; at most one is open per code and subject."""

    code = CodeField(max_length=64)
    subject = CodeField(max_length=255, help_text="vm:, host: or system: and an identifier.")
    vm_context = models.ForeignKey(
        VMContext, on_delete=models.PROTECT, null=True, blank=True, related_name="alerts", verbose_name="VM context"
    )
    host = models.ForeignKey(Host, on_delete=models.PROTECT, null=True, blank=True, related_name="alerts")
    severity = CodeField(max_length=64, choices=Severity)
    message = models.TextField()
    raised_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="acknowledged_alerts"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="resolved_alerts"
    )
    is_open = models.BooleanField(null=True, blank=True, default=True, db_default=True, editable=False)

    class Meta:
        db_table = "alerts"
        ordering = ["-raised_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["code", "subject", "is_open"], name="alerts_one_open"),
            known("alerts", "severity", Severity),
            filled("alerts", "code", "message"),
            dated("alerts", "raised_at"),
            begins_with("alerts", "subject_form", "subject", "vm:", "host:", "system:"),
            true_or_unset("alerts", "is_open"),
            set_while(
                "alerts",
                "open_until_resolved",
                "is_open",
                Q(resolved_at__isnull=True),
                "An alert is open until it is resolved.",
            ),
            set_while(
                "alerts",
                "acknowledged_by_whom",
                "acknowledged_by",
                Q(acknowledged_at__isnull=False),
                "Who acknowledged an alert is known exactly when it has been.",
            ),
            models.CheckConstraint(
                condition=prefixed("subject", "vm:") & Q(vm_context__isnull=False, host__isnull=True)
                | prefixed("subject", "host:") & Q(vm_context__isnull=True, host__isnull=False)
                | prefixed("subject", "system:") & Q(vm_context__isnull=True, host__isnull=True),
                name="alerts_subject_of_vm_or_host",
                violation_error_message="An alert names the VM or the host that its subject speaks of, and no other.",
            ),
        ]
        indexes = [
            models.Index(fields=["is_open", "severity"], name="alerts_open_by_severity"),
            models.Index(fields=["raised_at"], name="alerts_raised"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.subject}"


class Sample(models.Model):
    """One measurement. The tables are partitioned by month; their key in the database is (id, at)."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    cpu_percent = models.FloatField(null=True, blank=True)
    memory_percent = models.FloatField(null=True, blank=True)
    network_receive_bytes_per_second = models.BigIntegerField(null=True, blank=True)
    network_transmit_bytes_per_second = models.BigIntegerField(null=True, blank=True)

    class Meta:
        abstract = True


class HostMetric(Sample):
    """A measurement of a host. It only names the host: no foreign key leads out of a partitioned table."""

    host_id = models.BigIntegerField()

    class Meta:
        db_table = "host_metrics"
        ordering = ["-at"]
        constraints = [
            percent("host_metrics", "cpu_percent"),
            percent("host_metrics", "memory_percent"),
            dated("host_metrics", "at"),
            at_least("host_metrics", 1, "host_id"),
            at_least("host_metrics", 0, "network_receive_bytes_per_second", "network_transmit_bytes_per_second"),
        ]
        indexes = [models.Index(fields=["host_id", "at"], name="host_metrics_of_host")]

    def __str__(self) -> str:
        return f"host {self.host_id} {self.at:%Y-%m-%d %H:%M}"


class VMMetric(Sample):
    """A measurement of a VM. It only names the VM: no foreign key leads out of a partitioned table."""

    vm_context_id = CodeField(max_length=191)
    disk_read_bytes_per_second = models.BigIntegerField(null=True, blank=True)
    disk_write_bytes_per_second = models.BigIntegerField(null=True, blank=True)

    class Meta:
        db_table = "vm_metrics"
        verbose_name = "VM metric"
        ordering = ["-at"]
        constraints = [
            filled("vm_metrics", "vm_context_id"),
            dated("vm_metrics", "at"),
            percent("vm_metrics", "cpu_percent"),
            percent("vm_metrics", "memory_percent"),
            at_least(
                "vm_metrics",
                0,
                *("network_receive_bytes_per_second", "network_transmit_bytes_per_second"),
                *("disk_read_bytes_per_second", "disk_write_bytes_per_second"),
            ),
        ]
        indexes = [models.Index(fields=["vm_context_id", "at"], name="vm_metrics_of_vm")]

    def __str__(self) -> str:
        return f"{self.vm_context_id} {self.at:%Y-%m-%d %H:%M}"
