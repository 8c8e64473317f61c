"""Alerts, and a day of measurements that ends now."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import pi, sin
from typing import Any

from config.demo.chance import chance
from config.demo.factories import AlertFactory
from config.demo.ledger import Ledger
from inventory.models import Alert, Host, HostMetric, PowerState, Severity, User, VMContext, VMMetric

STEP = timedelta(minutes=15)
DAY = timedelta(hours=24)
MADE_UP = {"code": "DEMO.ESTATE", "subject": "system:demonstration"}


def tell_alerts_of_vms(vms: dict[str, VMContext], operator: User, ledger: Ledger) -> None:
    if vm := vms.get("build-runner"):
        message = "The engine of its replication job has been silent for 2 h 50 min."
        _alert(ledger, vm_context=vm, code="JOB.LOST", severity=Severity.CRITICAL, message=message)
    if vm := vms.get("legacy-billing"):
        _alert(ledger, vm_context=vm, raised_at=chance.ago(days=7), acknowledged_by=operator)
    if vm := vms.get("web-01"):
        at = chance.ago(days=9)
        _alert(
            ledger,
            vm_context=vm,
            raised_at=at,
            acknowledged_by=operator,
            resolved_at=at + timedelta(hours=2),
            resolved_by=operator,
        )
        _alert(ledger, vm_context=vm, raised_at=chance.ago(days=3), resolved_at=chance.ago(days=2.9))


def tell_alerts_of_hosts(hosts: dict[str, Host], ledger: Ledger) -> None:
    """The subject of a host's alert holds the number of the host, which has to be in the database."""
    if host := hosts.get("esx-prod-04"):
        message = "The host is in maintenance."
        _alert(ledger, vm_context=None, host=host, code="HOST.MAINTENANCE", severity=Severity.INFO, message=message)


def tell_alert_of_the_estate(ledger: Ledger) -> None:
    if not Alert.objects.filter(**MADE_UP).exists():
        message = "This database holds the demonstration estate; manage.py seed --clear removes it."
        _alert(ledger, vm_context=None, severity=Severity.INFO, message=message, **MADE_UP)


def _alert(ledger: Ledger, **values: Any) -> None:
    alert = AlertFactory.build(**values)
    alert.created_at = alert.raised_at
    ledger.add(alert)


def host_metrics(host: Host) -> Iterator[HostMetric]:
    """A day of a host, which has to be in the database."""
    base = chance.random.uniform(25, 55)
    for at in _times(DAY):
        load = _load(base, at)
        yield HostMetric(
            host_id=host.pk,
            at=at,
            cpu_percent=load,
            memory_percent=min(95.0, base + 20),
            network_receive_bytes_per_second=int(load * 90_000),
            network_transmit_bytes_per_second=int(load * 60_000),
        )


def vm_metrics(vm: VMContext, duration: timedelta = DAY) -> Iterator[VMMetric]:
    """What a running VM did; one that does not run is not measured."""
    if vm.power_state != PowerState.ON:
        return
    base = chance.random.uniform(10, 45)
    for at in _times(duration):
        load = _load(base, at)
        yield VMMetric(
            vm_context_id=vm.pk,
            at=at,
            cpu_percent=load,
            memory_percent=min(95.0, base + 30),
            network_receive_bytes_per_second=int(load * 9_000),
            network_transmit_bytes_per_second=int(load * 6_000),
            disk_read_bytes_per_second=int(load * 20_000),
            disk_write_bytes_per_second=int(load * 15_000),
        )


def _times(duration: timedelta) -> Iterator[datetime]:
    now = chance.now()
    for number in range(duration // STEP - 1, -1, -1):
        yield now - number * STEP


def _load(base: float, at: datetime) -> float:
    """Higher by day than by night, and never quite even."""
    daily = sin((at.hour * 60 + at.minute) / 1440 * 2 * pi - pi / 2)
    return round(min(100.0, max(0.5, base * (1 + 0.5 * daily) + chance.random.uniform(-3, 3))), 1)
