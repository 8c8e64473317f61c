"""Whether the next run of a VM copies what has changed, or everything, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, Subquery

from inventory.models import VMDisk
from replication.models import ChangeId, ReplicationType, Target, TargetVolume, VolumeStatus

USABLE = (VolumeStatus.AVAILABLE.value, VolumeStatus.ATTACHED.value, VolumeStatus.DETACHED.value)
"""The states of a volume that still holds what was copied to it."""


@dataclass(frozen=True)
class NextRun:
    """What the next run of a VM to a target will be."""

    type: ReplicationType
    reason: str
    disks: Sequence[VMDisk]
    """Those that the VM has now, in the order of their keys."""
    bases: dict[int, str]
    """The change id that each disk goes on from, by the disk's primary key; empty for a full run."""


def next_run(vm: Any, target: Target) -> NextRun:
    """A run is incremental only if each disk has a base and a volume in this target; else the reason names one."""
    copies = ChangeId.objects.filter(vm_disk=OuterRef("pk")).order_by("-generation").values("pk")
    present = VMDisk.objects.filter(vm_context=vm, removed_at=None).annotate(newest_copy=Subquery(copies[:1]))
    disks = list(present.order_by("device_key"))
    keys = [disk.pk for disk in disks]
    newest = {each.vm_disk_id: each for each in ChangeId.objects.filter(pk__in=[disk.newest_copy for disk in disks])}
    current = {each.vm_disk_id: each for each in ChangeId.objects.filter(vm_disk__in=keys, is_current=True)}
    volumes = {
        volume.vm_disk_id: volume for volume in TargetVolume.objects.filter(vm_disk__in=keys).select_related("target")
    }
    for disk in disks:
        why = _why_full(disk, current.get(disk.pk), newest.get(disk.pk), volumes.get(disk.pk), target)
        if why:
            return NextRun(ReplicationType.INITIAL, f"{disk.disk_id}: {why}.", disks, {})
    bases = {key: base.change_id for key, base in current.items()}
    return NextRun(ReplicationType.INCREMENTAL, "Every disk has a base and its volume.", disks, bases)


def _why_full(
    disk: VMDisk, base: ChangeId | None, newest: ChangeId | None, volume: TargetVolume | None, target: Target
) -> str | None:
    if newest is None:
        return "it was never copied"
    if base is None:
        reason = newest.get_invalid_reason_display() if newest.invalid_reason else "its last copy has no change id"
        return f"no base is valid ({reason})"
    if base.capacity_bytes != disk.capacity_bytes:
        return "its capacity has changed since its base"
    if volume is None:
        return "it has no volume"
    if volume.target_id != target.pk:
        return f"its volume lies in {volume.target}"
    if volume.status not in USABLE:
        return f"its volume {volume.volume_id} is in state {volume.status}"
    return None
