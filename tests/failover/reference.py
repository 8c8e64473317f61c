"""Readiness as a person would look it up: one VM at a time, row by row, with no thought of speed.

It shares nothing with `failover.readiness` but the names of the codes.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F

from config.jobs.kinds import find_job
from failover.models import NetworkMapping
from inventory.models import VMContext
from replication.rpo import rpo_of

Seen = tuple[str, str, str | None, bool, Any]
"""Code, whom it concerns, subject, whether it could not be told, since when."""


def reference(vm: VMContext, now: Any) -> list[Seen]:
    return sorted(look(vm, now), key=str)


def look(vm: VMContext, now: Any) -> Iterator[Seen]:
    yield from look_at_vm(vm)
    yield from look_at_claim(vm)
    for disk in vm.disks.all():
        yield from look_at_disk(disk)
    nics = [nic for nic in vm.network_interfaces.all() if not nic.removed_at]
    if not nics:
        yield ("NIC.NONE", "both", None, False, None)
    for nic in nics:
        yield from look_at_nic(nic)
    for mapping in vm.network_mappings.all():
        if any(nic.source_network_name == mapping.source_network_name for nic in nics):
            yield from look_at_mapping(mapping)
    yield from look_at_age(vm, now)
    yield from look_at_tests(vm, now)


def look_at_vm(vm: VMContext) -> Iterator[Seen]:
    if vm.archived_at is not None:
        yield ("VM.ARCHIVED", "both", None, False, vm.archived_at)
    if vm.runs_at == "target":
        yield ("VM.AT_TARGET", "both", None, False, None)
    if not vm.replication_jobs.filter(status="completed"):
        yield ("VM.NOT_REPLICATED", "both", None, False, vm.created_at)
    if not hasattr(vm, "protection"):
        yield ("TARGET.MISSING", "both", None, False, None)
    if vm.cpu_count is None or vm.memory_mb is None or vm.os_type is None or not vm.disks.filter(removed_at=None):
        yield ("VM.SPEC_UNKNOWN", "both", None, True, None)


def look_at_claim(vm: VMContext) -> Iterator[Seen]:
    claim = vm.operation_claim
    if claim.holder_id is None:
        return
    job = find_job(claim.holder_id)
    silent = type(job).objects.worked_on().filter(pk=job.pk).first()
    if silent and silent.silent_for > claim.lease_seconds:
        yield ("JOB.LOST", "both", claim.holder_id, False, claim.heartbeat_at)
    else:
        yield ("JOB.ACTIVE", "both", claim.holder_id, False, claim.taken_at)


def look_at_disk(disk: Any) -> Iterator[Seen]:
    volume = getattr(disk, "target_volume", None)
    if disk.removed_at is not None:
        if volume is not None and volume.status != "detached":
            yield ("DISK.REMOVED_AT_SOURCE", "both", disk.disk_id, False, disk.removed_at)
        return
    if volume is None:
        yield ("DISK.NO_VOLUME", "both", disk.disk_id, False, None)
    elif volume.status == "error":
        yield ("DISK.VOLUME_ERROR", "both", disk.disk_id, False, None)
    if disk.sync_status != "completed":
        yield ("DISK.NOT_SYNCED", "both", disk.disk_id, False, None)
    if disk.capacity_bytes is None:
        yield ("DISK.RESIZED", "both", disk.disk_id, True, None)
    base = disk.change_ids.filter(is_current=True).first()
    if base is None:
        newest = disk.change_ids.filter(invalidated_at__isnull=False).order_by("generation").last()
        yield ("DISK.NO_CHANGE_ID", "both", disk.disk_id, False, newest and newest.invalidated_at)
    elif disk.capacity_bytes is not None and not disk.change_ids.filter(
        is_current=True, capacity_bytes=F("vm_disk__capacity_bytes")
    ):
        yield ("DISK.RESIZED", "both", disk.disk_id, False, None)


def look_at_nic(nic: Any) -> Iterator[Seen]:
    name = nic.label or nic.nic_key
    if nic.source_network_name is None:
        yield ("NIC.NETWORK_UNKNOWN", "both", name, True, None)
        return
    mappings = nic.vm_context.network_mappings.all()
    purposes = {row.purpose for row in mappings if row.source_network_name == nic.source_network_name}
    if not purposes:
        yield ("NIC.UNMAPPED", "both", name, False, None)
    elif purposes == {"live"}:
        yield ("NIC.UNMAPPED", "test", name, False, None)
    elif purposes == {"test"}:
        yield ("NIC.UNMAPPED", "live", name, False, None)


def look_at_mapping(mapping: NetworkMapping) -> Iterator[Seen]:
    network, name = mapping.target_network, mapping.source_network_name
    if mapping.purpose == "test":
        if network.isolation == "unknown":
            yield ("MAPPING.NOT_ISOLATED", "test", name, True, None)
        elif network.isolation == "production" or network.mappings.filter(purpose="live"):
            yield ("MAPPING.NOT_ISOLATED", "test", name, False, None)
    protection = getattr(mapping.vm_context, "protection", None)
    if protection is not None and protection.target != network.target:
        yield ("MAPPING.OTHER_TARGET", mapping.purpose, name, False, None)


def look_at_age(vm: VMContext, now: Any) -> Iterator[Seen]:
    rpo = rpo_of([vm], now).get(vm.pk)
    if rpo is None or rpo.state == "unknown":
        yield ("RPO.UNKNOWN", "both", None, True, rpo and rpo.since)
    elif rpo.state == "breached":
        yield ("RPO.BREACHED", "both", None, False, rpo.since)


def look_at_tests(vm: VMContext, now: Any) -> Iterator[Seen]:
    ends = [job.completed_at for job in vm.failover_jobs.filter(job_type="test") if job.has_passed]
    if not ends:
        yield ("TEST.NEVER", "live", None, False, vm.created_at)
    elif max(ends) + timedelta(days=settings.FAILOVER_TEST_DAYS) < now:
        yield ("TEST.STALE", "live", None, False, max(ends) + timedelta(days=settings.FAILOVER_TEST_DAYS))
