"""What readiness is computed from, read for any number of VMs in the same few queries."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Exists, FilteredRelation, OuterRef, Q, QuerySet, Subquery

from config.jobs.kinds import kinds
from failover.models import Aftermath, FailoverJob, FailoverStatus, NetworkMapping, Purpose
from inventory.models import VMContext, VMDisk, VMNetworkInterface
from replication.models import ChangeId, Isolation, ReplicationJob, ReplicationStatus
from replication.rpo import Rpo, rpo_of


class VM(NamedTuple):
    """The VM itself, its claim and its protection. What it has no row for is None."""

    pk: str
    name: str
    cpu_count: int | None
    memory_mb: int | None
    os_type: str | None
    runs_at: str
    archived_at: datetime | None
    created_at: datetime
    holder_kind: str | None
    holder_id: str | None
    taken_at: datetime | None
    heartbeat_at: datetime | None
    target: int | None
    rpo_seconds: int | None
    is_replicated: bool
    """Whether a replication job of it has ever completed."""
    tested_at: datetime | None
    """When the newest test that has passed ended."""


class Disk(NamedTuple):
    pk: int
    disk_id: str
    capacity_bytes: int | None
    sync_status: str
    removed_at: datetime | None
    volume_name: str | None
    volume_status: str | None
    base_capacity: int | None
    """The capacity that the disk had when its current change id was read; None: it has no current one."""


class Nic(NamedTuple):
    label: str | None
    nic_key: str
    network: str | None


class Mapping(NamedTuple):
    source_network: str
    purpose: str
    network: int
    network_name: str
    external_id: str
    isolation: str
    target: int
    target_name: str


@dataclass(slots=True)
class Facts:
    """All that the checks of one VM look at."""

    vm: VM
    disks: list[Disk] = field(default_factory=list)
    nics: list[Nic] = field(default_factory=list)
    mappings: list[Mapping] = field(default_factory=list)
    invalid_bases: dict[int, tuple[datetime, str]] = field(default_factory=dict)
    """Of the disks without a current change id, since when the newest one counts no more, and why."""
    live_networks: frozenset[int] = frozenset()
    """The isolated networks to which a live mapping of any VM leads."""
    is_lost: bool = False
    rpo: Rpo | None = None

    def mapping_of(self, network: str, purpose: str) -> Mapping | None:
        return next((row for row in self.mappings if (row.source_network, row.purpose) == (network, purpose)), None)


def vms_in(vms: QuerySet[VMContext] | Iterable[VMContext]) -> QuerySet[VMContext]:
    """The VMs as a query that others can refer to."""
    if isinstance(vms, QuerySet):
        return vms
    return VMContext.objects.filter(pk__in=[vm.pk for vm in vms])


def read_facts(vms: QuerySet[VMContext], now: datetime) -> list[Facts]:
    """The facts of each of these VMs, in the order of the query, which has no limit.

    It takes seven queries, and those of the RPO.
    """
    live_networks = _live_networks()
    facts = {row[0]: Facts(VM(*row), live_networks=live_networks) for row in _vms(vms)}
    # Without an order, and joins that only the list itself needs, the engines make a plain semi-join of it.
    scope = Q(vm_context__in=vms.order_by().values("pk"))

    def of_each(rows: Iterable[Any]) -> Iterator[tuple[Facts, Any]]:
        """The rows of the VMs that are asked for: between two queries a VM may come."""
        return ((facts[vm], row) for vm, *row in rows if vm in facts)

    for vm, row in of_each(_disks(scope)):
        vm.disks.append(Disk(*row))
    for vm, (disk, at, reason) in of_each(_invalid_bases(scope)):
        vm.invalid_bases[disk] = at, reason
    for vm, row in of_each(_nics(scope)):
        vm.nics.append(Nic(*row))
    for vm, row in of_each(_mappings(scope)):
        vm.mappings.append(Mapping(*row))
    for vm, _ in of_each(_lost(scope)):
        vm.is_lost = True
    for vm, (rpo,) in of_each(rpo_of([each.vm for each in facts.values()], now).items()):
        vm.rpo = rpo
    return list(facts.values())


_VM = (
    *("pk", "name", "cpu_count", "memory_mb", "os_type", "runs_at", "archived_at", "created_at"),
    *("operation_claim__holder_kind", "operation_claim__holder_id", "operation_claim__taken_at"),
    *("operation_claim__heartbeat_at", "protection__target_id", "protection__rpo_seconds"),
    *("is_replicated", "tested_at"),
)
_NIC = ("vm_context_id", "label", "nic_key", "source_network_name")
_MAPPING = (
    *("vm_context_id", "source_network_name", "purpose", "target_network_id", "target_network__name"),
    *("target_network__external_id", "target_network__isolation", "target_network__target_id"),
    "target_network__target__name",
)


def _vms(vms: QuerySet[VMContext]) -> QuerySet[VMContext, Any]:
    completed = ReplicationJob.objects.filter(vm_context=OuterRef("pk"), status=ReplicationStatus.COMPLETED)
    passed = FailoverJob.objects.filter(
        vm_context=OuterRef("pk"), job_type=Purpose.TEST, status=FailoverStatus.COMPLETED, aftermath=Aftermath.CLEANED
    )
    newest = passed.order_by("-completed_at").values("completed_at")[:1]
    return vms.annotate(is_replicated=Exists(completed), tested_at=Subquery(newest)).values_list(*_VM)


def _disks(scope: Q) -> QuerySet[VMDisk, Any]:
    current = FilteredRelation("change_ids", condition=Q(change_ids__is_current=True))
    return (
        VMDisk.objects.filter(scope)
        .annotate(base=current)
        .order_by("device_key")
        .values_list(
            *("vm_context_id", "pk", "disk_id", "capacity_bytes", "sync_status", "removed_at"),
            *("target_volume__volume_name", "target_volume__status", "base__capacity_bytes"),
        )
    )


def _invalid_bases(scope: Q) -> QuerySet[ChangeId, Any]:
    """The newest last, so that it is the one that stays."""
    current = ChangeId.objects.filter(vm_disk=OuterRef("vm_disk"), is_current=True)
    disks = VMDisk.objects.filter(scope, removed_at=None)
    invalid = ChangeId.objects.filter(~Exists(current), vm_disk__in=disks, invalidated_at__isnull=False)
    return invalid.order_by("generation").values_list(
        "vm_disk__vm_context_id", "vm_disk_id", "invalidated_at", "invalid_reason"
    )


def _nics(scope: Q) -> QuerySet[VMNetworkInterface, Any]:
    return VMNetworkInterface.objects.filter(scope, removed_at=None).order_by("nic_key").values_list(*_NIC)


def _mappings(scope: Q) -> QuerySet[NetworkMapping, Any]:
    return NetworkMapping.objects.filter(scope).order_by("source_network_name", "purpose").values_list(*_MAPPING)


def _live_networks() -> frozenset[int]:
    live = NetworkMapping.objects.filter(purpose=Purpose.LIVE, target_network__isolation=Isolation.ISOLATED)
    return frozenset(live.order_by().values_list("target_network_id", flat=True).distinct())


def _lost(scope: Q) -> Iterable[tuple[str]]:
    """The VMs whose claim is held by a job that is lost, of any kind."""
    lost = [
        kind.model.objects.lost().filter(scope).order_by().values_list("vm_context_id")
        for kind in kinds()
        if kind.model.HOLDS_CLAIM
    ]
    return lost[0].union(*lost[1:])
