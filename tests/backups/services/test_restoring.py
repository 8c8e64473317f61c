"""Restores and mounts: of what can be restored, and one mount of a disk at a time."""

import pytest

from backups.models import BackupJob
from backups.services.restoring import create_restore
from backups.services.starting import create_backup
from backups.services.verifying import record_verification
from config.jobs import people
from config.jobs.engines import advance, complete, take_next
from config.refusals import Conflict, Invalid, NotFound
from inventory.models import OperationClaim
from tests.backups.vms import ENGINE, PERSON, backed_up, repository_of, vm_with_disks

pytestmark = pytest.mark.django_db


@pytest.fixture
def vm():
    return vm_with_disks()


@pytest.fixture
def point(vm):
    return backed_up(vm, repository_of(vm))


def test_a_restore_takes_no_claim_and_runs_beside_others(vm, point):
    one = create_restore(point.id, " /srv/restored ", by=PERSON)
    other = create_restore(point.id, "/srv/elsewhere", disk_id="disk-2001", by=PERSON)
    assert (one.destination, one.backup_disk, other.backup_disk.disk_id) == ("/srv/restored", None, "disk-2001")
    assert OperationClaim.objects.get(pk=vm.pk).holder_id is None
    fence = take_next(["restore"], engine="engine-1", by=ENGINE).fence
    assert complete(one.id, fence, by=ENGINE).status == "completed"


def test_one_mount_of_a_disk_at_a_time(point):
    first = create_restore(point.id, "/mnt/a", "mount", disk_id="disk-2000", by=PERSON)
    with pytest.raises(Conflict, match=f"is mounted at /mnt/a by {first.id}: unmount it first") as refused:
        create_restore(point.id, "/mnt/b", "mount", disk_id="disk-2000", by=PERSON)
    assert refused.value.details == [{"job": first.id, "destination": "/mnt/a"}]
    assert create_restore(point.id, "/mnt/b", "mount", disk_id="disk-2001", by=PERSON)
    fence = take_next(["restore"], engine="engine-1", by=ENGINE).fence
    advance(first.id, fence, "mounted", by=ENGINE)
    complete(first.id, fence, by=ENGINE)
    again = create_restore(point.id, "/mnt/b", "mount", disk_id="disk-2000", by=PERSON)
    people.cancel(again.id, by=PERSON, reason="enough")
    assert create_restore(point.id, "/mnt/c", "mount", disk_id="disk-2000", by=PERSON)


def test_what_cannot_be_restored_is_refused_with_the_link_that_is_missing(vm, point):
    repository = point.repository
    second = backed_up(vm, repository, 2)
    third = backed_up(vm, repository, 3)
    point.disks.filter(disk_id="disk-2001").update(status="failed")
    for each in (point, second, third):
        with pytest.raises(Invalid, match=f"{point.id} holds no complete copy of disk-2001. Choose another one"):
            create_restore(each.id, "/srv/restored", by=PERSON)
    point.disks.update(status="completed")
    record_verification(second.id, False, by=PERSON)
    assert create_restore(point.id, "/srv/restored", by=PERSON)
    with pytest.raises(Invalid, match=f"{third.id} cannot be restored: {second.id} was verified and found bad"):
        create_restore(third.id, "/srv/restored", by=PERSON)
    running = create_backup(vm, repository, by=PERSON)
    with pytest.raises(Invalid, match="is no restore point, as it is pending"):
        create_restore(running.id, "/srv/restored", by=PERSON)


def test_what_was_said_wrongly_is_refused_and_another_organization_sees_nothing(point):
    for arguments, said in (
        (("/mnt/a", "mount"), "Say which disk"),
        (("/mnt/a", "borrow"), "mode is one of: restore, mount"),
        ((" ",), "Say where to"),
        (("x" * 1025,), "at most 1024"),
    ):
        with pytest.raises(Invalid, match=said):
            create_restore(point.id, *arguments, by=PERSON)
    with pytest.raises(NotFound, match="has no copy of disk-7"):
        create_restore(point.id, "/mnt/a", "mount", disk_id="disk-7", by=PERSON)
    stranger = vm_with_disks().vcenter.organization
    with pytest.raises(NotFound, match=f"There is no back-up {point.id}"):
        create_restore(point.id, "/mnt/a", by=PERSON, organization=stranger)
    assert BackupJob.objects.get().restore_jobs.count() == 0
