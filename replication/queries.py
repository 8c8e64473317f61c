"""What is protected by a copy at a target, and what is not; how the copies of a VM stand."""

from enum import StrEnum
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
    Value,
    When,
    prefetch_related_objects,
)

from inventory.models import VMContext, VMDisk
from replication.models import ChangeId, DiskStatus, Protection, ReplicationDisk, ReplicationStatus


class ProtectionState(StrEnum):
    """Whether a VM, or a disk, is protected by a copy at a target. How old that copy is says the RPO."""

    PROTECTED = "protected"
    """There is a complete copy at the target of its protection; of a VM, of each of its disks."""
    UNKNOWN = "unknown"
    """It is to be protected, and nobody can say that there is such a copy, as where no disk is known."""
    PAUSED = "paused"
    NONE = "none"
    """Nobody has said that it is to be."""


def to_be_protected(model: type[VMContext] | type[VMDisk]) -> Exists:
    """Of these rows those with a protection that is enabled: what is protected, and what should be."""
    return Exists(_protections(model).filter(enabled=True))


def in_protection_state(rows: QuerySet[Any], state: ProtectionState) -> QuerySet[Any]:
    """Those of these VMs or disks that are in this state."""
    return rows.alias(protection_state=_protection_state(rows.model)).filter(protection_state=state.value)


def protection_counts(rows: QuerySet[Any]) -> dict[ProtectionState, int]:
    """How many of these VMs or disks are in each state, in one query for any fleet."""
    states = rows.order_by().values(protection_state=_protection_state(rows.model)).annotate(rows=Count("pk"))
    found = {row["protection_state"]: row["rows"] for row in states}
    return {state: found.get(state.value, 0) for state in ProtectionState}


def _protection_state(model: type[VMContext] | type[VMDisk]) -> Case:
    disks = VMDisk.objects.filter(vm_context=OuterRef("pk"), removed_at=None)
    # Of VMs that nobody wants to be protected it is not asked: it takes all copies of a disk to say that none is right.
    lacking = disks.filter(~Exists(_copies()), vm_context__protection__enabled=True)
    is_copied = Q(Exists(_copies())) if model is VMDisk else Exists(disks) & ~Exists(lacking)
    return Case(
        When(~Exists(_protections(model)), then=Value(ProtectionState.NONE.value)),
        When(~to_be_protected(model), then=Value(ProtectionState.PAUSED.value)),
        When(is_copied, then=Value(ProtectionState.PROTECTED.value)),
        default=Value(ProtectionState.UNKNOWN.value),
    )


def _protections(model: type[VMContext] | type[VMDisk]) -> QuerySet[Protection]:
    return Protection.objects.filter(vm_context=OuterRef("vm_context" if model is VMDisk else "pk"))


def _copies() -> QuerySet[ReplicationDisk]:
    """The complete copies of a disk at the target of its VM's protection."""
    return ReplicationDisk.objects.filter(
        vm_disk=OuterRef("pk"),
        status=DiskStatus.COMPLETED,
        job__status=ReplicationStatus.COMPLETED,
        job__target=OuterRef("vm_context__protection__target"),
    )


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
