"""What readiness is computed from, read for any number of VMs in the same few queries."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.db.models import (
    BooleanField,
    Case,
    Exists,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    When,
)

from config.jobs.kinds import kinds
from failover.models import Aftermath, FailoverJob, FailoverStatus, NetworkMapping, Purpose
from inventory.models import VMContext, VMDisk, VMNetworkInterface
from replication.models import Isolation, ReplicationJob, ReplicationStatus
from replication.queries import with_bases
from replication.rpo import Rpo, Runs, rpo_with, runs_of_each


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
    is_lost: bool
    """Whether the job that holds its claim is lost."""


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
    invalid_since: datetime | None
    """Where it has none, since when the newest one counts no more, and why."""
    invalid_reason: str | None


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
    is_live_too: bool
    """Whether its network, which is marked isolated, is where a live mapping of any VM leads."""


@dataclass(slots=True)
class Facts:
    """All that the checks of one VM look at."""

    vm: VM
    disks: list[Disk] = field(default_factory=list)
    nics: list[Nic] = field(default_factory=list)
    mappings: list[Mapping] = field(default_factory=list)
    rpo: Rpo | None = None

    @property
    def present(self) -> Iterator[Disk]:
        """The disks that the VM has at its source now."""
        return (disk for disk in self.disks if disk.removed_at is None)

    def mapping_of(self, network: str, purpose: str) -> Mapping | None:
        return next((row for row in self.mappings if (row.source_network, row.purpose) == (network, purpose)), None)


def vms_in(vms: QuerySet[VMContext] | Iterable[VMContext]) -> QuerySet[VMContext]:
    """The VMs as a query that others can refer to."""
    if isinstance(vms, QuerySet):
        return vms
    return VMContext.objects.filter(pk__in=[vm.pk for vm in vms])


def read_facts(vms: QuerySet[VMContext], now: datetime, disks: Iterable[VMDisk] | None = None) -> list[Facts]:
    """The facts of each of these VMs, in the order of the query, which has no limit, in five queries.

    `disks`: theirs, `with_bases` and volumes, where somebody has read them already.
    """
    facts, runs = {}, {}
    for pk, *columns, newest_run, heard_at in _vms(vms):
        facts[pk], runs[pk] = Facts(VM(pk, *columns)), Runs(newest_run, heard_at)
    # Without an order, and joins that only the list itself needs, the engines make a plain semi-join of it.
    scope = Q(vm_context__in=vms.order_by().values("pk"))

    def of_each(rows: Iterable[Any]) -> Iterator[tuple[Facts, Any]]:
        """The rows of the VMs that are asked for: between two queries a VM may come."""
        return ((facts[vm], row) for vm, *row in rows if vm in facts)

    for vm, row in of_each(_disks(scope) if disks is None else map(_known, disks)):
        vm.disks.append(Disk(*row))
    for vm, row in of_each(_nics(scope)):
        vm.nics.append(Nic(*row))
    for vm, row in of_each(_mappings(scope)):
        vm.mappings.append(Mapping(*row))
    limits = {pk: each.vm.rpo_seconds for pk, each in facts.items()}
    present = {pk: {disk.pk: disk.disk_id for disk in each.present} for pk, each in facts.items()}
    for vm, (rpo,) in of_each(rpo_with(limits, present, runs, now).items()):
        vm.rpo = rpo
    return list(facts.values())


_VM = (
    *("pk", "name", "cpu_count", "memory_mb", "os_type", "runs_at", "archived_at", "created_at"),
    *("operation_claim__holder_kind", "operation_claim__holder_id", "operation_claim__taken_at"),
    *("operation_claim__heartbeat_at", "protection__target_id", "protection__rpo_seconds"),
    *("is_replicated", "tested_at", "is_lost", "newest_run", "heard_at"),
)
_DISK = (
    *("vm_context_id", "pk", "disk_id", "capacity_bytes", "sync_status", "removed_at"),
    *("target_volume__volume_name", "target_volume__status", "base_capacity", "invalid_since", "invalid_reason"),
)
_NIC = ("vm_context_id", "label", "nic_key", "source_network_name")
_MAPPING = (
    *("vm_context_id", "source_network_name", "purpose", "target_network_id", "target_network__name"),
    *("target_network__external_id", "target_network__isolation", "target_network__target_id"),
    *("target_network__target__name", "is_live_too"),
)


def _vms(vms: QuerySet[VMContext]) -> QuerySet[VMContext, Any]:
    completed = ReplicationJob.objects.filter(vm_context=OuterRef("pk"), status=ReplicationStatus.COMPLETED)
    passed = FailoverJob.objects.filter(
        vm_context=OuterRef("pk"), job_type=Purpose.TEST, status=FailoverStatus.COMPLETED, aftermath=Aftermath.CLEANED
    )
    newest = passed.order_by("-completed_at").values("completed_at")[:1]
    lost = (
        Exists(kind.model.objects.lost().filter(vm_context=OuterRef("pk")))
        for kind in kinds()
        if kind.model.HOLDS_CLAIM
    )
    held = Q(operation_claim__holder_id__isnull=False)
    told = vms.annotate(
        is_replicated=Exists(completed),
        tested_at=Subquery(newest),
        # Only where somebody holds the claim it is worth asking whether that one is lost.
        is_lost=Case(When(held, then=reduce(or_, map(Q, lost))), default=False),
        **runs_of_each(),
    )
    return told.values_list(*_VM)


def _disks(scope: Q) -> QuerySet[VMDisk, Any]:
    return with_bases(VMDisk.objects.filter(scope)).order_by("device_key").values_list(*_DISK)


def _known(disk: Any) -> tuple[Any, ...]:
    """The columns of a disk that has been read already."""
    volume = getattr(disk, "target_volume", None)
    of_volume = {"target_volume__volume_name": "volume_name", "target_volume__status": "status"}
    return tuple(getattr(volume, of_volume[name], None) if name in of_volume else getattr(disk, name) for name in _DISK)


def _nics(scope: Q) -> QuerySet[VMNetworkInterface, Any]:
    return VMNetworkInterface.objects.filter(scope, removed_at=None).order_by("nic_key").values_list(*_NIC)


def _mappings(scope: Q) -> QuerySet[NetworkMapping, Any]:
    live = NetworkMapping.objects.filter(purpose=Purpose.LIVE, target_network__isolation=Isolation.ISOLATED)
    # A plain IN that refers to no row outside: each engine reads it once, and looks it up in a hash.
    is_live_too = ExpressionWrapper(
        Q(target_network__in=live.order_by().values("target_network")), output_field=BooleanField()
    )
    told = NetworkMapping.objects.filter(scope).annotate(is_live_too=is_live_too)
    return told.order_by("source_network_name", "purpose").values_list(*_MAPPING)
