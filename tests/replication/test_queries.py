"""What is protected, and what is not."""

import pytest

from config.demo.factories import (
    ProtectionFactory,
    ReplicationDiskFactory,
    ReplicationJobFactory,
    TargetFactory,
    VMContextFactory,
    VMDiskFactory,
)
from inventory.models import VMContext, VMDisk
from replication.queries import ProtectionState, in_protection_state, protection_counts, to_be_protected

pytestmark = pytest.mark.django_db
PROTECTED, UNKNOWN, PAUSED, NONE = ProtectionState


def vm_with(disks: int, copied: int = 0, *, protected: bool = True, elsewhere: bool = False, **columns):
    vm = VMContextFactory.create(**columns)
    made = [VMDiskFactory.create(vm_context=vm, device_key=2000 + number) for number in range(disks)]
    target = TargetFactory.create(organization=vm.vcenter.organization)
    if protected:
        ProtectionFactory.create(vm_context=vm, target=target)
    if copied:
        into = TargetFactory.create(organization=vm.vcenter.organization) if elsewhere else target
        job = ReplicationJobFactory.create(vm_context=vm, target=into, status="completed")
        for disk in made[:copied]:
            ReplicationDiskFactory.create(job=job, vm_disk=disk, status="completed", bytes_total=1, bytes_synced=1)
    return vm


def test_only_complete_copies_at_the_target_of_the_protection_count(django_assert_num_queries):
    vm_with(2, 2)
    vm_with(2, 1)
    vm_with(1, 1, elsewhere=True)
    vm_with(0)
    vm_with(3, 3, protected=False)
    vm_with(1, 1, archived_at="2026-11-01T00:00:00Z")
    paused = vm_with(1, 1)
    paused.protection.enabled = False
    paused.protection.save()
    vms, disks = VMContext.objects.managed(), VMDisk.objects.filter(vm_context__archived_at=None)
    for rows, counts in ((vms, (1, 3, 1, 1)), (disks, (3, 2, 1, 3))):
        with django_assert_num_queries(1):
            found = protection_counts(rows)
        assert found == dict(zip((PROTECTED, UNKNOWN, PAUSED, NONE), counts, strict=True))
        for state, count in found.items():
            assert in_protection_state(rows, state).count() == count
        assert rows.filter(to_be_protected(rows.model)).count() == found[PROTECTED] + found[UNKNOWN]


def test_disk_that_is_gone_protects_and_lacks_nothing():
    vm = vm_with(2, 1)
    assert protection_counts(VMContext.objects.all())[UNKNOWN] == 1
    vm.disks.filter(device_key=2001).update(removed_at="2026-11-01T00:00:00Z")
    assert protection_counts(VMContext.objects.all()) == {PROTECTED: 1, UNKNOWN: 0, PAUSED: 0, NONE: 0}
