"""New back-ups: full or incremental, for which reason, and for whom there is none."""

import pytest
from django.utils import timezone

from backups.models import BackupDisk, BackupJob
from backups.services.starting import create_backup
from config.demo.factories import BackupPolicyFactory, BackupRepositoryFactory, VMDiskFactory
from config.jobs import people
from config.jobs.models import JobEvent
from config.jobs.refusals import ClaimHeld
from config.refusals import Conflict, Invalid, NotFound
from inventory.models import OperationClaim
from tests.backups.vms import PERSON, backed_up, repository_of, vm_with_disks

pytestmark = pytest.mark.django_db


@pytest.fixture
def vm():
    return vm_with_disks()


@pytest.fixture
def repository(vm):
    return repository_of(vm)


def next_reason(vm, repository) -> tuple[str, str]:
    """The type that the next back-up would be of, and why; it is not made."""
    job = create_backup(vm, repository, by=PERSON)
    people.cancel(job.id, by=PERSON, reason="only asked")
    return job.backup_type, job.type_reason


def test_a_vm_that_was_only_discovered_is_backed_up_at_once_in_full(vm, repository):
    VMDiskFactory.create(vm_context=vm, device_key=2009, removed_at=timezone.now())
    policy = BackupPolicyFactory.create(organization=vm.vcenter.organization)
    job = create_backup(vm, repository, policy=policy, by=PERSON)
    assert (job.backup_type, job.status, job.parent, job.policy) == ("full", "pending", None, policy)
    assert job.type_reason == "This VM has no restore point in this repository yet."
    assert [copy.disk_id for copy in job.disks.order_by("disk_id")] == ["disk-2000", "disk-2001"]
    assert set(job.disks.values_list("status", "capacity_bytes")) == {("pending", 40 * 2**30)}
    assert OperationClaim.objects.get(pk=vm.pk).holder_id == job.id
    assert JobEvent.objects.get(job_id=job.id).reason == job.type_reason


def test_the_next_is_incremental_and_builds_on_the_newest(vm, repository):
    first = backed_up(vm, repository, 1)
    second = backed_up(vm, repository, 2)
    third = create_backup(vm, repository, type="incremental", by=PERSON)
    assert (second.backup_type, second.parent_id, third.parent_id) == ("incremental", first.id, second.id)
    assert third.type_reason == f"Each of the 2 disks has a copy with a change id in {second.id}."


def test_a_full_one_is_made_where_it_is_asked_for(vm, repository):
    backed_up(vm, repository)
    job = create_backup(vm, repository, type="full", by=PERSON)
    assert (job.backup_type, job.type_reason) == ("full", "A full back-up was asked for.")


BREAKS = {
    "added": (
        lambda vm, job: VMDiskFactory.create(vm_context=vm, device_key=2005),
        "disk-2005 has no copy in {job}.",
    ),
    "resized": (
        lambda vm, job: vm.disks.filter(device_key=2001).update(capacity_bytes=7),
        "disk-2001 has 7 bytes now and had 42949672960 in {job}.",
    ),
    "unknown capacity": (
        lambda vm, job: vm.disks.filter(device_key=2001).update(capacity_bytes=None),
        "The capacity of disk-2001 is unknown, now or in {job}.",
    ),
    "no change id": (
        lambda vm, job: job.disks.filter(disk_id="disk-2000").update(change_id=None),
        "disk-2000 has no change id in {job}.",
    ),
    "malformed change id": (
        lambda vm, job: job.disks.filter(disk_id="disk-2000").update(change_id="*"),
        "disk-2000 has no change id in {job}.",
    ),
    "another key": (
        lambda vm, job: vm.disks.filter(device_key=2001).update(device_key=2003, disk_id="disk-2003"),
        "disk-2003 was disk-2001 in {job}.",
    ),
    "found bad": (
        lambda vm, job: BackupJob.objects.filter(pk=job.pk).update(verified_at=timezone.now(), verified_good=False),
        "{job} was verified and found bad.",
    ),
    "pruned": (
        lambda vm, job: BackupJob.objects.filter(pk=job.pk).update(pruned_at=timezone.now(), pruned_reason="old"),
        "This VM has no restore point in this repository yet.",
    ),
}


@pytest.mark.parametrize("way", BREAKS)
def test_what_has_changed_since_makes_the_next_one_full_and_is_said(vm, repository, way):
    job = backed_up(vm, repository)
    change, reason = BREAKS[way]
    change(vm, job)
    assert next_reason(vm, repository) == ("full", reason.format(job=job.id))
    with pytest.raises(Invalid, match=r"An incremental .* cannot be made: .* Ask for auto or full") as refused:
        create_backup(vm, repository, type="incremental", by=PERSON)
    assert reason.format(job=job.id) in str(refused.value)
    assert OperationClaim.objects.get(pk=vm.pk).holder_id is None


def test_a_base_of_another_repository_or_vm_counts_for_nothing(vm, repository):
    backed_up(vm, repository)
    assert next_reason(vm, repository_of(vm))[0] == "full"
    other = vm_with_disks(vcenter=vm.vcenter)
    assert next_reason(other, repository)[0] == "full"


def test_a_removed_disk_does_not_stand_in_the_way(vm, repository):
    backed_up(vm, repository)
    vm.disks.filter(device_key=2001).update(removed_at=timezone.now())
    job = create_backup(vm, repository, by=PERSON)
    assert (job.backup_type, job.disks.count()) == ("incremental", 1)


def test_an_older_base_serves_where_the_newest_does_not(vm, repository):
    first, second = backed_up(vm, repository, 1), backed_up(vm, repository, 2)
    second.disks.filter(disk_id="disk-2000").update(change_id=None)
    assert create_backup(vm, repository, by=PERSON).parent_id == first.id


def test_a_chain_with_a_bad_link_is_not_built_on(vm, repository):
    first, second = backed_up(vm, repository, 1), backed_up(vm, repository, 2)
    BackupJob.objects.filter(pk=first.pk).update(verified_at=timezone.now(), verified_good=False)
    assert second.parent_id == first.id
    assert next_reason(vm, repository) == ("full", f"{first.id} was verified and found bad.")


def refuses(error, said, *arguments, **options):
    with pytest.raises(error, match=said):
        create_backup(*arguments, by=PERSON, **options)
    assert not BackupJob.objects.exists() and not BackupDisk.objects.exists()


def test_who_cannot_be_backed_up_is_told_what_to_do(vm, repository):
    refuses(Invalid, "differential is no type of back-up", vm, repository, type="differential")
    refuses(NotFound, "There is no repository", vm, BackupRepositoryFactory.create())
    refuses(NotFound, "There is no policy", vm, repository, policy=BackupPolicyFactory.create())
    refuses(Conflict, "No disk of .* is known: discover it first", vm_with_disks(0, vcenter=vm.vcenter), repository)
    type(vm).objects.filter(pk=vm.pk).update(runs_at="target")
    refuses(Conflict, "runs at the target since its failover", vm, repository)
    type(vm).objects.filter(pk=vm.pk).update(archived_at=timezone.now())
    refuses(Conflict, "is archived", vm, repository)


def test_a_vm_at_work_is_refused_with_its_holder(vm, repository):
    first = create_backup(vm, repository, by=PERSON)
    with pytest.raises(ClaimHeld, match=f"backup job {first.id} works on this VM"):
        create_backup(vm, repository, by=PERSON)
