"""What the engine of a back-up may report, and when the back-up is complete."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from backups.models import BackupJob
from backups.services.reporting import record_disk, record_snapshot
from backups.services.starting import create_backup
from config.demo.factories import VMDiskFactory
from config.jobs.engines import complete, progress
from config.jobs.refusals import JobEnded, StaleFence
from config.refusals import Conflict, Invalid, NotFound
from tests.backups.vms import ENGINE, PERSON, TRACKING, backed_up, copied, repository_of, taken, vm_with_disks

pytestmark = pytest.mark.django_db
WHOLE = {"status": "completed", "bytes_stored": 10, "path": "a/b", "change_id": f"{TRACKING}/1"}


@pytest.fixture
def vm():
    return vm_with_disks()


@pytest.fixture
def repository(vm):
    return repository_of(vm)


@pytest.fixture
def job(vm, repository):
    return create_backup(vm, repository, by=PERSON)


@pytest.fixture
def fence(job):
    return taken(job)


def test_a_back_up_is_complete_with_every_disk_and_the_instant_that_it_holds(vm, job, fence):
    with pytest.raises(Conflict, match="Say first of which instant"):
        complete(job.id, fence, by=ENGINE)
    record_snapshot(job.id, fence, timezone.now())
    record_disk(job.id, fence, "disk-2000", **WHOLE)
    record_disk(job.id, fence, "disk-2001", status="running", bytes_stored=5)
    with pytest.raises(Conflict, match="has no complete copy of disk-2001: copy it, or fail the job") as refused:
        complete(job.id, fence, by=ENGINE)
    assert refused.value.details == [{"disk_id": "disk-2001"}]
    record_disk(job.id, fence, "disk-2001", **WHOLE)
    added = VMDiskFactory.create(vm_context=vm, device_key=2002, created_at=timezone.now() - timedelta(days=1))
    with pytest.raises(Conflict, match="no complete copy of disk-2002"):
        complete(job.id, fence, by=ENGINE)
    # One that came after the snapshot is no part of it.
    type(added).objects.filter(pk=added.pk).update(created_at=timezone.now() + timedelta(seconds=9))
    assert complete(job.id, fence, by=ENGINE).status == "completed"


def test_a_repository_that_cannot_be_changed_locks_what_it_holds(vm):
    job = backed_up(vm, repository_of(vm, immutable_days=14))
    assert timedelta(days=13, hours=23) < job.locked_until - timezone.now() <= timedelta(days=14)


def test_a_repeated_report_changes_nothing_and_another_one_of_a_complete_copy_is_refused(job, fence):
    assert record_disk(job.id, fence, "disk-2000", **WHOLE)
    before = job.disks.get(disk_id="disk-2000").updated_at
    assert not record_disk(job.id, fence, "disk-2000", **WHOLE)
    assert job.disks.get(disk_id="disk-2000").updated_at == before
    for differs in ({"change_id": f"{TRACKING}/2"}, {"bytes_stored": 11}, {"status": "failed"}):
        with pytest.raises(Conflict, match="is complete, and was reported otherwise"):
            record_disk(job.id, fence, "disk-2000", **WHOLE | differs)


def test_what_is_no_report_is_refused_with_what_would_be_one(job, fence):
    for wrong, said in (
        ({"status": "done"}, "status is one of: pending, running, completed, failed"),
        ({**WHOLE, "path": None}, "complete only with its path and its bytes"),
        ({**WHOLE, "bytes_stored": None}, "complete only with its path"),
        ({**WHOLE, "bytes_stored": -1}, "at least 0"),
        ({**WHOLE, "change_id": "nonsense"}, "A change_id is <uuid>/<number>"),
    ):
        with pytest.raises(Invalid, match=said):
            record_disk(job.id, fence, "disk-2000", **wrong)
    with pytest.raises(NotFound, match="copies no disk disk-3000; it copies disk-2000, disk-2001"):
        record_disk(job.id, fence, "disk-3000", **WHOLE)
    assert set(job.disks.values_list("status", "path")) == {("pending", None)}


def test_an_old_fence_an_ended_job_and_a_strange_organization_are_refused(vm, job, fence):
    for refused, number, organization in (
        (StaleFence, fence - 1, None),
        (NotFound, fence, repository_of(vm_with_disks()).organization),
    ):
        with pytest.raises(refused):
            record_disk(job.id, number, "disk-2000", **WHOLE, organization=organization)
        with pytest.raises(refused):
            record_snapshot(job.id, number, timezone.now(), organization=organization)
    copied(job, fence, 1)
    complete(job.id, fence, by=ENGINE)
    with pytest.raises(JobEnded):
        record_disk(job.id, fence, "disk-2000", **WHOLE)


def test_a_full_back_up_names_no_base_and_an_incremental_one_that_of_the_copy_below(vm, repository, job, fence):
    with pytest.raises(Conflict, match="is a full back-up, of the whole disk: name no base") as refused:
        record_disk(job.id, fence, "disk-2000", **WHOLE, base_change_id=f"{TRACKING}/0")
    assert refused.value.code == "base_conflict"
    copied(job, fence, 1)
    complete(job.id, fence, by=ENGINE)
    job = create_backup(vm, repository, type="incremental", by=PERSON)
    fence = taken(job)
    for base in (None, f"{TRACKING}/7"):
        with pytest.raises(Conflict, match=f"builds on change id {TRACKING}/1, not on {base}") as refused:
            record_disk(job.id, fence, "disk-2000", **WHOLE, base_change_id=base)
        assert refused.value.code == "base_conflict"
    with pytest.raises(Conflict, match="was reset since") as refused:
        reset = WHOLE | {"change_id": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/5"}
        record_disk(job.id, fence, "disk-2000", **reset, base_change_id=f"{TRACKING}/1")
    assert refused.value.code == "base_conflict"
    assert record_disk(job.id, fence, "disk-2000", **WHOLE, base_change_id=f"{TRACKING}/1")


def test_the_snapshot_is_said_once_and_is_not_still_to_come(job, fence):
    at = timezone.now()
    assert record_snapshot(job.id, fence, at)
    assert not record_snapshot(job.id, fence, BackupJob.objects.get(pk=job.pk).snapshot_at)
    with pytest.raises(Conflict, match="fail this job and begin a new one"):
        record_snapshot(job.id, fence, at - timedelta(hours=1))
    with pytest.raises(Invalid, match="still to come"):
        record_snapshot(job.id, fence, at + timedelta(hours=1))
    with pytest.raises(Invalid, match="offset from UTC"):
        record_snapshot(job.id, fence, datetime(2026, 11, 5, 10))


def test_progress_tells_of_disks_and_takes_nothing_back_from_a_complete_copy(job, fence):
    record_disk(job.id, fence, "disk-2001", **WHOLE)
    said = [
        {"disk_id": "disk-2000", "bytes_synced": 4},
        {"disk_id": "disk-2001", "bytes_synced": 2, "status": "running"},
    ]
    assert progress(job.id, fence, sequence=1, percent=20, disks=said)
    copies = job.disks.order_by("disk_id").values_list("status", "bytes_stored")
    assert list(copies) == [("running", 4), ("completed", 10)]
    with pytest.raises(NotFound):
        progress(job.id, fence, sequence=2, disks=[{"disk_id": "disk-9"}])
    for wrong in ({"status": "completed"}, {"bytes_synced": -1}):
        with pytest.raises(Invalid, match="A disk in progress is pending or running"):
            progress(job.id, fence, sequence=2, disks=[{"disk_id": "disk-2000", **wrong}])
