"""Whether VMs could be failed over right now, and if not, why: the same checks for one VM and for all."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import QuerySet
from django.utils import timezone

from failover import findings
from failover.facts import Disk, Facts, read_facts, vms_in
from failover.findings import BOTH, TEST, Finding, Severity, found, not_known
from inventory.models import Site, SyncStatus, VMContext
from replication.models import InvalidReason, Isolation, VolumeStatus


class Verdict(models.TextChoices):
    READY = "ready"
    NOT_READY = "not_ready"
    UNKNOWN = "unknown", "cannot be told"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the checks of one VM found, the gravest first."""

    vm_context_id: str
    name: str
    findings: tuple[Finding, ...]

    def of(self, kind: str) -> tuple[Finding, ...]:
        """The findings that concern a failover of this kind."""
        return tuple(finding for finding in self.findings if kind in finding.kinds)

    def blockers(self, kind: str) -> tuple[Finding, ...]:
        """Those of them for which it is not ready: what was found, and what could not be found out."""
        return tuple(each for each in self.of(kind) if each.code.severity == Severity.BLOCKER or each.is_unknown)

    def verdict(self, kind: str) -> Verdict:
        blockers = self.blockers(kind)
        if not blockers:
            return Verdict.READY
        return Verdict.UNKNOWN if all(finding.is_unknown for finding in blockers) else Verdict.NOT_READY

    def is_ready(self, kind: str) -> bool:
        return self.verdict(kind) == Verdict.READY


def readiness_of(vm: VMContext, *, now: datetime | None = None) -> Readiness:
    """The readiness of one VM. Raises VMContext.DoesNotExist."""
    found = readiness_of_all([vm], now=now)
    if not found:
        raise VMContext.DoesNotExist(f"There is no VM context {vm.pk}.")
    return found[0]


def readiness_of_all(
    vms: QuerySet[VMContext] | Iterable[VMContext] | None = None, *, now: datetime | None = None
) -> list[Readiness]:
    """The readiness of these VMs, or of all that are managed, in as many queries as for one.

    A query of VMs keeps its order and has no limit; give a page of it as a list.
    """
    scope = vms_in(VMContext.objects.managed() if vms is None else vms)
    now = now or timezone.now()
    return [assess(facts, now) for facts in read_facts(scope, now)]


def assess(facts: Facts, now: datetime) -> Readiness:
    """Make all checks of one VM."""
    all_found = [finding for check in CHECKS for finding in check(facts, now)]
    all_found.sort(key=lambda finding: _GRAVITY[finding.code.severity])
    return Readiness(facts.vm.pk, facts.vm.name, tuple(all_found))


_GRAVITY = {severity: number for number, severity in enumerate(Severity)}
Found = Iterator[Finding]


def _state_of_vm(facts: Facts, now: datetime) -> Found:
    vm = facts.vm
    if vm.archived_at:
        yield found(findings.VM_ARCHIVED, since=vm.archived_at)
    if vm.runs_at == Site.TARGET:
        yield found(findings.VM_AT_TARGET)
    if not vm.is_replicated:
        yield found(findings.VM_NOT_REPLICATED, since=vm.created_at)
    if vm.target is None:
        yield found(findings.TARGET_MISSING)


def _specification(facts: Facts, now: datetime) -> Found:
    vm = facts.vm
    known = {
        "number of CPUs": vm.cpu_count,
        "memory": vm.memory_mb,
        "operating system": vm.os_type,
        "disks": any(disk.removed_at is None for disk in facts.disks) or None,
    }
    if missing := [name for name, value in known.items() if value is None]:
        yield not_known(findings.VM_SPEC_UNKNOWN, missing=", ".join(missing))


def _claim(facts: Facts, now: datetime) -> Found:
    vm = facts.vm
    if vm.holder_id is None:
        return
    kind = str(vm.holder_kind).capitalize()
    if vm.is_lost:
        yield found(findings.JOB_LOST, vm.holder_id, since=vm.heartbeat_at, kind=kind)
    else:
        yield found(findings.JOB_ACTIVE, vm.holder_id, since=vm.taken_at, kind=kind)


def _disks(facts: Facts, now: datetime) -> Found:
    for disk in facts.disks:
        if disk.removed_at is None:
            yield from _volume(disk)
            yield from _copy(disk)
        elif disk.volume_status not in (None, VolumeStatus.DETACHED):
            code = findings.DISK_REMOVED_AT_SOURCE
            yield found(code, disk.disk_id, since=disk.removed_at, volume=disk.volume_name)


def _volume(disk: Disk) -> Found:
    if disk.volume_status is None:
        yield found(findings.DISK_NO_VOLUME, disk.disk_id)
    elif disk.volume_status == VolumeStatus.ERROR:
        yield found(findings.DISK_VOLUME_ERROR, disk.disk_id, volume=disk.volume_name)


def _copy(disk: Disk) -> Found:
    if disk.sync_status != SyncStatus.COMPLETED:
        yield found(findings.DISK_NOT_SYNCED, disk.disk_id, status=disk.sync_status)
    if disk.base_capacity is None:
        why = f" ({InvalidReason(disk.invalid_reason).label})" if disk.invalid_reason else ""
        yield found(findings.DISK_NO_CHANGE_ID, disk.disk_id, since=disk.invalid_since, why=why)
    elif disk.capacity_bytes not in (None, disk.base_capacity):
        yield found(findings.DISK_RESIZED, disk.disk_id, capacity=disk.capacity_bytes, copied=disk.base_capacity)
    if disk.capacity_bytes is None:
        yield not_known(findings.DISK_RESIZED, disk.disk_id)


def _networks(facts: Facts, now: datetime) -> Found:
    if not facts.nics:
        yield found(findings.NIC_NONE)
    for nic in facts.nics:
        subject = nic.label or nic.nic_key
        if nic.network is None:
            yield not_known(findings.NIC_NETWORK_UNKNOWN, subject)
        elif unmapped := [kind for kind in BOTH if facts.mapping_of(nic.network, kind) is None]:
            yield found(findings.NIC_UNMAPPED, subject, kinds=unmapped, network=nic.network)


def _mappings(facts: Facts, now: datetime) -> Found:
    """Those of the networks that the VM is in; others have no effect."""
    used = {nic.network for nic in facts.nics}
    for mapping in facts.mappings:
        if mapping.source_network not in used:
            continue
        subject, name = mapping.source_network, mapping.network_name
        if mapping.purpose == TEST:
            if mapping.isolation == Isolation.UNKNOWN:
                yield not_known(findings.MAPPING_NOT_ISOLATED, subject, network=name)
            elif mapping.isolation == Isolation.PRODUCTION:
                yield found(findings.MAPPING_NOT_ISOLATED, subject, network=name, why="is a production network")
            elif mapping.is_live_too:
                why = "is marked isolated, but is the live target of a mapping too"
                yield found(findings.MAPPING_NOT_ISOLATED, subject, network=name, why=why)
        if facts.vm.target not in (None, mapping.target):
            yield found(findings.MAPPING_OTHER_TARGET, subject, kinds=[mapping.purpose], network=name)


def _age(facts: Facts, now: datetime) -> Found:
    rpo = facts.rpo
    if rpo is None:
        yield not_known(findings.RPO_UNKNOWN, why="Nobody has said how old it may be.")
    elif rpo.state == "breached":
        age, allowed = spell(rpo.age_seconds), spell(facts.vm.rpo_seconds)
        yield found(findings.RPO_BREACHED, since=rpo.since, age=age, allowed=allowed)
    elif rpo.state != "met":
        yield Finding(findings.RPO_UNKNOWN, BOTH, None, {"why": rpo.reason}, rpo.since, is_unknown=True)


def _tests(facts: Facts, now: datetime) -> Found:
    days = settings.FAILOVER_TEST_DAYS
    if facts.vm.tested_at is None:
        yield found(findings.TEST_NEVER, since=facts.vm.created_at)
    elif days and (stale_at := facts.vm.tested_at + timedelta(days=days)) < now:
        yield found(findings.TEST_STALE, since=stale_at, at=f"{facts.vm.tested_at:%Y-%m-%d}", days=days)


CHECKS = (_state_of_vm, _specification, _claim, _disks, _networks, _mappings, _age, _tests)


def spell(seconds: Any) -> str:
    """A length of time for people: the two largest units of it."""
    if seconds is None:
        return "unknown"
    left, words = int(seconds), []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words[:2]) or "0 s"
