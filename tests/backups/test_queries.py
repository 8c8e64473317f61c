"""What can be restored now, and how much room it takes, in a constant number of queries."""

from datetime import timedelta

import pytest
from django.utils import timezone

from backups.capacity import repository_capacity
from backups.models import BackupJob
from backups.points import verification
from backups.queries import capacity_needed, points_in_use, restorable_now, restore_points
from backups.services.verifying import record_verification
from config.demo.factories import BackupPolicyFactory, VMContextFactory, VMDiskFactory
from tests.backups.vms import PERSON, backed_up, repository_of, vm_with_disks

pytestmark = pytest.mark.django_db


def test_a_restore_point_names_the_whole_chain_and_a_fault_anywhere_in_it():
    vm = vm_with_disks()
    repository = repository_of(vm)
    chain = [backed_up(vm, repository, number) for number in (1, 2, 3)]
    newest = restorable_now()[vm.pk]
    assert (newest.point.id, newest.chain) == (chain[2].id, tuple(job.id for job in chain))
    assert newest.bytes_stored == 2 * 1003
    record_verification(chain[1].id, False, by=PERSON)
    said = f"{chain[1].id} was verified and found bad."
    assert [each.why_not for each in restore_points([vm.pk])] == [said, said, None]
    assert restorable_now()[vm.pk].point.id == chain[0].id
    BackupJob.objects.filter(pk=chain[0].pk).update(status="failed")
    assert restorable_now() == {vm.pk: None}
    assert restore_points()[1].why_not == said


def test_a_vm_without_a_point_is_told_as_such_and_an_archived_one_not_at_all():
    mine, never = vm_with_disks(), vm_with_disks()
    backed_up(mine, repository_of(mine))
    archived = VMContextFactory.create(archived_at=timezone.now(), vcenter=never.vcenter)
    now = restorable_now()
    assert (now[mine.pk].is_restorable, now[never.pk], archived.pk in now) == (True, None, False)
    assert list(restorable_now(organization=never.vcenter.organization)) == [never.pk]
    assert list(restorable_now([mine.pk])) == [mine.pk]


def test_a_verification_grows_stale_as_the_policy_says():
    vm = vm_with_disks(1)
    policy = BackupPolicyFactory.create(organization=vm.vcenter.organization, verify_after_days=7)
    job = backed_up(vm, repository_of(vm), policy=policy)
    now = timezone.now()

    def state() -> str:
        return verification(restore_points()[0].point, now)

    assert state() == "never"
    record_verification(job.id, True, by=PERSON, at=now - timedelta(days=8))
    assert state() == "stale"
    record_verification(job.id, True, by=PERSON, at=now - timedelta(days=6))
    assert state() == "good"
    record_verification(job.id, False, by=PERSON, at=now)
    assert state() == "bad"


def test_a_fleet_is_asked_for_in_as_many_queries_as_one_vm(django_assert_num_queries):
    for number in range(6):
        vm = vm_with_disks(1)
        if number == 0:
            VMContextFactory.create(vcenter=vm.vcenter)
        backed_up(vm, repository_of(vm))
        if number in (0, 5):
            with django_assert_num_queries(5):
                assert sum(point is not None for point in restorable_now().values()) == number + 1
            with django_assert_num_queries(4):
                assert all(point.is_base for point in points_in_use())


def test_room_is_planned_from_what_was_discovered_protected_or_not():
    kept, never = vm_with_disks(), vm_with_disks(1)
    VMDiskFactory.create(vm_context=never, device_key=2007, capacity_bytes=None)
    VMDiskFactory.create(vm_context=never, device_key=2008, removed_at=timezone.now())
    VMDiskFactory.create(vm_context=VMContextFactory.create(archived_at=timezone.now()))
    repository = repository_of(kept)
    backed_up(kept, repository)
    needed, disk = capacity_needed(), 40 * 2**30
    of_all, rest = needed.of_all, needed.without_restore_point
    assert (of_all.vms, of_all.disks, of_all.capacity_bytes, of_all.disks_of_unknown_capacity) == (2, 4, 3 * disk, 1)
    assert (rest.vms, rest.disks, rest.capacity_bytes, rest.disks_of_unknown_capacity) == (1, 2, disk, 1)
    assert capacity_needed(organization=kept.vcenter.organization).without_restore_point.disks == 0
    assert {each.repository: each.used_bytes for each in repository_capacity()} == {repository: 2002}
    assert repository_capacity(organization=never.vcenter.organization) == []
