"""Each rule that only a service holds, broken by another client, and found as what it is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from backups.integrity import broken_rules
from backups.models import BackupDisk, BackupJob, BackupSchedule
from backups.services.restoring import create_restore
from config.demo.factories import BackupPolicyFactory, VMDiskFactory
from tests.backups.vms import PERSON, TRACKING, backed_up, repository_of, vm_with_disks

pytestmark = pytest.mark.django_db


class Estate:
    """A VM with a chain of two, and another one of another organisation."""

    def __init__(self) -> None:
        self.vm, self.other = vm_with_disks(1), vm_with_disks(1)
        self.repository, self.strange = repository_of(self.vm), repository_of(self.other)
        self.full = backed_up(self.vm, self.repository, 1)
        self.incremental = backed_up(self.vm, self.repository, 2)
        self.others = backed_up(self.other, self.strange, 1)
        self.copy, self.copy_of_other = self.incremental.disks.get(), self.others.disks.get()

    def change(self, row, **columns) -> None:
        type(row)._base_manager.filter(pk=row.pk).update(**columns)

    def restore(self):
        return create_restore(self.incremental.id, "/srv/restored", disk_id="disk-2000", by=PERSON)


PRUNED = {"pruned_at": timezone.now(), "pruned_reason": "by hand"}
UNENDED = {"status": "running", "completed_at": None}


def lost_policy(estate: Estate) -> None:
    policy = BackupPolicyFactory.create(organization=estate.other.vcenter.organization)
    estate.change(estate.full, policy=policy)


BREAKS = {
    "parent of another VM": (
        lambda it: it.change(it.incremental, parent=it.others),
        [("INV-BACKUP-18", "incremental", "which is of another VM and in another repository.")],
    ),
    "parent that never completed": (
        lambda it: it.change(it.full, status="failed"),
        [("INV-BACKUP-18", "incremental", "which is failed, not completed.")],
    ),
    "a copy that is not complete": (
        lambda it: it.change(it.copy, status="running"),
        [("INV-BACKUP-19", "incremental", "without a complete copy of every disk")],
    ),
    "no copy at all": (
        lambda it: BackupDisk.objects.filter(pk=it.copy.pk).delete(),
        [("INV-BACKUP-19", "incremental", "without a complete copy")],
    ),
    "a disk left out": (
        lambda it: VMDiskFactory.create(
            vm_context=it.other, device_key=2005, created_at=timezone.now() - timedelta(days=1)
        ),
        [("INV-BACKUP-19", "others", "without a complete copy")],
    ),
    "repository of another organisation": (
        lambda it: it.change(it.others, repository=it.repository),
        [("INV-BACKUP-20", "others", "of another organisation than its VM's")],
    ),
    "policy of another organisation": (lost_policy, [("INV-BACKUP-20", "full", "of another organisation")]),
    "another base than the copy below has": (
        lambda it: it.change(it.copy, base_change_id=f"{TRACKING}/7"),
        [("INV-BDISK-09", "copy", f"since {TRACKING}/7, and the copy that it builds on holds it as of {TRACKING}/1.")],
    ),
    "no base": (
        lambda it: it.change(it.copy, base_change_id=None),
        [("INV-BDISK-09", "copy", "since nobody knows when")],
    ),
    "no change id in the copy below": (
        lambda it: it.full.disks.update(change_id=None),
        [("INV-BDISK-09", "copy", "as of nobody knows when")],
    ),
    "restore of another point": (
        lambda it: it.change(it.restore(), backup=it.full),
        [("INV-RESTORE-18", "restore", "but reads a copy of")],
    ),
    "built on what is pruned": (
        lambda it: it.change(it.full, **PRUNED),
        [("INV-BACKUP-25", "incremental", "which is pruned")],
    ),
    "pruned while it is read": (
        lambda it: (it.restore(), it.change(it.incremental, **PRUNED)),
        [("INV-BACKUP-26", "incremental", "pruned while a job restores")],
    ),
    "pruned while it is built on": (
        lambda it: (it.change(it.incremental, **UNENDED), it.change(it.full, **PRUNED)),
        [("INV-BACKUP-26", "full", "pruned while a job")],
    ),
}


def test_what_services_made_breaks_no_rule(django_assert_num_queries):
    estate = Estate()
    VMDiskFactory.create(vm_context=estate.vm, device_key=2009, removed_at=timezone.now() - timedelta(days=9))
    VMDiskFactory.create(vm_context=estate.vm, device_key=2010, created_at=timezone.now() + timedelta(seconds=9))
    estate.restore()
    with django_assert_num_queries(9):
        assert list(broken_rules()) == []


@pytest.mark.parametrize("way", BREAKS)
def test_what_another_client_broke_is_found_and_nothing_else(way):
    estate = Estate()
    breaks, expected = BREAKS[way]
    breaks(estate)
    subjects = {
        "restore": lambda: (estate.incremental.restore_jobs.first() or estate.full.restore_jobs.get()).pk,
        "copy": lambda: str(estate.copy),
    }
    found = list(broken_rules())
    assert [each.invariant for each in found] == [rule for rule, _, _ in expected]
    for each, (_, name, said) in zip(found, expected, strict=True):
        assert each.subject == (subjects[name]() if name in subjects else getattr(estate, name).pk)
        assert said in each.sentence
        assert each.way_out.endswith(".")


def test_a_copy_of_another_vms_disk_is_found():
    estate = Estate()
    estate.change(estate.copy_of_other, vm_disk=estate.vm.disks.get())
    found = {each.invariant: each.subject for each in broken_rules()}
    assert found["INV-BDISK-08"] == f"{estate.others.id} disk-2000"
    # Its own disk has no copy then.
    assert found == {"INV-BDISK-08": f"{estate.others.id} disk-2000", "INV-BACKUP-19": estate.others.id}
    assert BackupJob.objects.count() == 3


def test_schedule_of_another_organization_is_found():
    vm, other = vm_with_disks(1), vm_with_disks(1)
    schedule = BackupSchedule.objects.create(vm_context=vm, repository=repository_of(other), schedule="0 1 * * *")
    assert [(each.invariant, each.subject) for each in broken_rules()] == [("INV-BSCHED-07", f"schedule {schedule.pk}")]
