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
from replication.queries import Counts, protection_summary

pytestmark = pytest.mark.django_db


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
    disabled = vm_with(1, 1)
    disabled.protection.enabled = False
    disabled.protection.save()
    with django_assert_num_queries(2):
        found = protection_summary()
    assert found.vms == Counts(protected=1, unprotected=2, unknown=3)
    assert found.disks == Counts(protected=3, unprotected=4, unknown=2)


def test_disk_that_is_gone_and_other_organizations_are_not_counted():
    vm = vm_with(2, 1)
    vm.disks.filter(device_key=2001).update(removed_at="2026-11-01T00:00:00Z")
    vm_with(1)
    found = protection_summary(organization=vm.vcenter.organization)
    assert (found.vms, found.disks) == (Counts(1, 0, 0), Counts(1, 0, 0))
