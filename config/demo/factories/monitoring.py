"""Alerts, and the time series of hosts and VMs."""

from datetime import timedelta
from typing import Any

from factory import LazyAttribute, LazyFunction, SubFactory
from factory.django import DjangoModelFactory

from config.demo.chance import chance
from config.demo.factories.inventory import HostFactory, VMContextFactory
from inventory.models import Alert, HostMetric, Severity, VMMetric


def subject_of(made: Any) -> str:
    if made.vm_context:
        return f"vm:{made.vm_context.context_id}"
    return f"host:{made.host.pk}" if made.host else "system:database"


class AlertFactory(DjangoModelFactory):
    """An open alert of a new VM; with `vm_context=None` of `host`, and without that of the installation.

    Give `acknowledged_by` or `resolved_at` and the rest follows.
    """

    class Meta:
        model = Alert

    code = "RPO.BREACHED"
    vm_context = SubFactory(VMContextFactory)
    host = None
    subject = LazyAttribute(subject_of)
    severity = Severity.WARNING
    message = "The newest complete copy is older than the agreed limit."
    raised_at = LazyFunction(lambda: chance.ago(hours=2))
    acknowledged_by = None
    acknowledged_at = LazyAttribute(
        lambda made: made.raised_at + timedelta(minutes=10) if made.acknowledged_by else None
    )
    resolved_at = None
    is_open = LazyAttribute(lambda made: None if made.resolved_at else True)


class HostMetricFactory(DjangoModelFactory):
    """A sample of a new host; it keeps the number of the host only."""

    class Meta:
        model = HostMetric

    host_id = LazyFunction(lambda: HostFactory.create().pk)
    at = LazyFunction(chance.now)
    cpu_percent = 35.0
    memory_percent = 60.0
    network_receive_bytes_per_second = 1_000_000
    network_transmit_bytes_per_second = 500_000


class VMMetricFactory(DjangoModelFactory):
    """A sample of a new VM; it keeps the context id of the VM only."""

    class Meta:
        model = VMMetric

    vm_context_id = LazyFunction(lambda: VMContextFactory.create().context_id)
    at = LazyFunction(chance.now)
    cpu_percent = 20.0
    memory_percent = 45.0
    network_receive_bytes_per_second = 100_000
    network_transmit_bytes_per_second = 50_000
    disk_read_bytes_per_second = 200_000
    disk_write_bytes_per_second = 100_000
