"""What can be restored now, asked of the database, against the rules on plain records."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from backups.models import BackupDisk, BackupJob
from backups.queries import restorable_now, restore_points
from config.demo.factories import BackupDiskFactory, BackupJobFactory
from inventory.models import VMContext
from tests.backups.vms import repository_of, vm_with_disks

pytestmark = pytest.mark.django_db
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def estate(chance: random.Random) -> list[VMContext]:
    """VMs with chains in which anything may be at fault, also what no service would write."""
    vms = [vm_with_disks(2)]
    vms += [vm_with_disks(2, vcenter=vms[0].vcenter) for _ in range(4)]
    repositories = [repository_of(vms[0]) for _ in range(2)]
    jobs: list[BackupJob] = []
    for _ in range(40):
        vm = chance.choice(vms)
        parent = chance.choice([None, *[job for job in jobs if job.vm_context_id == vm.pk][-3:]])
        if chance.random() < 0.1 and jobs:
            parent = chance.choice(jobs)
        pruned = {"pruned_at": BEGIN, "pruned_reason": "old"} if chance.random() < 0.15 else {}
        job = BackupJobFactory.create(
            vm_context=vm,
            repository=parent.repository if parent and chance.random() < 0.9 else chance.choice(repositories),
            parent=parent,
            backup_type="incremental" if parent else "full",
            status="completed",
            snapshot_at=BEGIN + timedelta(hours=chance.randrange(30)),
            **pruned,
        )
        if chance.random() < 0.2:
            BackupJob.objects.filter(pk=job.pk).update(verified_at=BEGIN, verified_good=chance.random() < 0.5)
        for disk in vm.disks.all():
            if chance.random() < 0.93:
                status = "completed" if chance.random() < 0.95 else "failed"
                BackupDiskFactory.create(job=job, vm_disk=disk, status=status)
        jobs.append(job)
    in_circle = [job for job in jobs if job.parent_id][:2]
    if len(in_circle) == 2 and chance.random() < 0.3:
        BackupJob.objects.filter(pk=in_circle[0].pk).update(parent=in_circle[1])
    return vms


@pytest.mark.parametrize("seed", range(6))
def test_restorable_now_is_what_the_rules_say_of_every_chain(seed, django_assert_max_num_queries):
    vms = estate(random.Random(seed))
    expected = dict.fromkeys([vm.pk for vm in vms])
    for found in restore_points():
        if found.is_restorable and expected[found.point.vm] is None:
            expected[found.point.vm] = found
    with django_assert_max_num_queries(6):
        assert restorable_now() == expected
    assert any(expected.values()) and BackupDisk.objects.exists()
    one = vms[seed % len(vms)].pk
    alone = next((each for each in restore_points([one]) if each.is_restorable), None)
    assert restorable_now([one]) == {one: alone}
