"""To be replaced by `replication.services.change_ids.invalidate_bases`, which has the same interface."""

from config.schema.fields import UtcNow
from inventory.models import VMContext, VMDisk
from replication.models import ChangeId


def invalidate_bases(vm: VMContext, reason: str) -> None:
    """The current change ids of all disks of a VM count no more; its next run is a full one."""
    current = ChangeId.objects.filter(vm_disk__in=VMDisk.objects.filter(vm_context=vm), is_current=True)
    current.update(is_current=None, invalidated_at=UtcNow(), invalid_reason=reason)
    VMDisk.objects.filter(vm_context=vm).update(disk_change_id=None, updated_at=UtcNow())
