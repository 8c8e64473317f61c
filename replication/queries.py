"""What is protected by a copy at a target, and what is not; in two queries, for any fleet."""

from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    FilteredRelation,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    When,
    prefetch_related_objects,
)

from inventory.models import VMContext, VMDisk
from replication.models import ChangeId, DiskStatus, Protection, ReplicationDisk, ReplicationStatus


@dataclass(frozen=True)
class Counts:
    """`unknown`: to be protected, and nobody can say that there is a complete copy at its target."""

    protected: int
    unprotected: int
    unknown: int


@dataclass(frozen=True)
class ProtectionSummary:
    """Of the VMs under management, and of the disks that they have now. How old the copies are says the RPO."""

    vms: Counts
    disks: Counts


def protection_summary(*, organization: Any = None) -> ProtectionSummary:
    """A VM is protected when each of its disks is; a VM of which no disk is known is not known to be."""
    vms = VMContext.objects.managed()
    disks = VMDisk.objects.filter(removed_at=None, vm_context__archived_at=None)
    if organization is not None:
        vms = vms.filter(vcenter__organization=organization)
        disks = disks.filter(vm_context__vcenter__organization=organization)
    mine = VMDisk.objects.filter(vm_context=OuterRef("pk"), removed_at=None)
    return ProtectionSummary(
        vms=_counts(vms, "pk", Exists(mine) & ~Exists(mine.filter(~Exists(_copies())))),
        disks=_counts(disks, "vm_context", Exists(_copies())),
    )


def _copies() -> QuerySet[ReplicationDisk]:
    """The complete copies of a disk at the target of its VM's protection."""
    return ReplicationDisk.objects.filter(
        vm_disk=OuterRef("pk"),
        status=DiskStatus.COMPLETED,
        job__status=ReplicationStatus.COMPLETED,
        job__target=F("vm_disk__vm_context__protection__target"),
    )


def _counts(rows: Any, vm: str, is_copied: Any) -> Counts:
    on = Exists(Protection.objects.filter(vm_context=OuterRef(vm), enabled=True))
    found = rows.annotate(is_on=on, is_copied=is_copied).aggregate(
        protected=Count("pk", filter=Q(is_on=True, is_copied=True)),
        unprotected=Count("pk", filter=Q(is_on=False)),
        unknown=Count("pk", filter=Q(is_on=True, is_copied=False)),
    )
    return Counts(**found)


def with_bases(disks: QuerySet[VMDisk]) -> QuerySet[VMDisk, Any]:
    """Each of these disks with its current change id and the capacity that it had then; where it has none, with since
    when the newest one counts no more, and why.
    """
    newest = ChangeId.objects.filter(vm_disk=OuterRef("pk"), invalidated_at__isnull=False).order_by("-generation")
    lacking = Q(base__isnull=True, removed_at=None)
    return disks.annotate(
        base=FilteredRelation("change_ids", condition=Q(change_ids__is_current=True)),
        base_change_id=F("base__change_id"),
        base_capacity=F("base__capacity_bytes"),
        invalid_since=Case(When(lacking, then=Subquery(newest.values("invalidated_at")[:1]))),
        invalid_reason=Case(When(lacking, then=Subquery(newest.values("invalid_reason")[:1]))),
    )


def disks_of(vm: VMContext) -> list[Any]:
    """The disks of a VM, `with_bases`, in their order, each with its volume; read once for one instance of the VM."""
    told = with_bases(VMDisk.objects.all()).select_related("target_volume").order_by("device_key")
    prefetch_related_objects([vm], Prefetch("disks", queryset=told))
    return list(vm.disks.all())


UNREAD = ("target__api_key", "target__secret_key")


def with_protection(vms: QuerySet[VMContext]) -> QuerySet[VMContext]:
    """Each of these VMs with what `protection_of` tells, so that it need not ask."""
    return vms.select_related("protection__target").defer(*(f"protection__{name}" for name in UNREAD))


def protection_of(vm: VMContext) -> Protection | None:
    """The protection of a VM with its target, without the secrets of that; read once for one instance of the VM."""
    told = Protection.objects.select_related("target").defer(*UNREAD)
    prefetch_related_objects([vm], Prefetch("protection", queryset=told))
    return getattr(vm, "protection", None)
