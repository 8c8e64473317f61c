"""Change ids: which one is the base of a disk's next incremental run.

One is a base only once the copy of that disk is complete, and only for as long as nothing else has written to the copy.
"""

from datetime import datetime
from typing import Any

from django.db.models import Max

from config.refusals import Conflict
from config.schema.fields import UtcNow
from inventory.change_ids import is_change_id, same_tracking
from inventory.models import VMDisk
from replication.models import ChangeId, InvalidReason


def current_base(disk: VMDisk) -> ChangeId | None:
    """What an incremental run of this disk may go on from; None where it has to be a full one."""
    return ChangeId.objects.bases().filter(vm_disk=disk).first()


def commit_change_id(
    disk: VMDisk, job: Any, *, change_id: str | None, base: str | None, snapshot_at: datetime, bytes_synced: int
) -> ChangeId | None:
    """Record the change id of a complete copy, which becomes the base of the disk; `disk` is locked by its job.

    `base` is the one that the copy was built on, None for a full copy. One that cannot be a base is recorded with the
    reason; None where the engine has none, as change tracking is off. Raises Conflict where `base` is not the current
    one: the copy was built on something else.
    """
    current = ChangeId.objects.filter(vm_disk=disk, is_current=True).first()
    if base is not None and (current is None or base != current.change_id):
        is_now = current.change_id if current else "none: the next run is a full one"
        raise Conflict(
            f"{disk.disk_id} was copied on the base {base}, but its base is {is_now}. Discard that copy and run again.",
            code="base_conflict",
        )
    ChangeId.objects.filter(vm_disk=disk, is_current=True).update(is_current=None)
    made = None
    if change_id is not None and disk.capacity_bytes:
        why = _why_no_base(change_id, base)
        newest = ChangeId.objects.filter(vm_disk=disk).aggregate(newest=Max("generation"))["newest"] or 0
        made = ChangeId.objects.create(
            vm_disk=disk,
            job=job,
            generation=newest + 1,
            change_id=change_id,
            base_change_id=base,
            capacity_bytes=disk.capacity_bytes,
            sync_success=True,
            bytes_synced=bytes_synced,
            snapshot_at=snapshot_at,
            committed_at=UtcNow(),
            is_current=None if why else True,
            **({"invalidated_at": UtcNow(), "invalid_reason": why} if why else {}),
        )
    is_base = made is not None and made.invalid_reason is None
    VMDisk.objects.filter(pk=disk.pk).update(disk_change_id=change_id if is_base else None, updated_at=UtcNow())
    return made


def invalidate_bases(vm: Any, reason: InvalidReason | str, *, disks: Any = None) -> int:
    """Let no disk of a VM, or none of these, go on from its base: the next run is a full one. How many had one.

    Its caller holds the claim of the VM.
    """
    mine = VMDisk.objects.filter(vm_context=vm) if disks is None else VMDisk.objects.filter(pk__in=disks)
    bases = ChangeId.objects.filter(vm_disk__in=list(mine.values_list("pk", flat=True)), is_current=True)
    count = bases.update(is_current=None, invalidated_at=UtcNow(), invalid_reason=str(reason))
    mine.exclude(disk_change_id=None).update(disk_change_id=None, updated_at=UtcNow())
    return count


def _why_no_base(change_id: str, base: str | None) -> str | None:
    if not is_change_id(change_id):
        return InvalidReason.MALFORMED.value
    if base is not None and not same_tracking(change_id, base):
        return InvalidReason.OTHER_UUID.value
    return None
