"""What a replication job copies, what it says of each disk, and what the next run goes on from."""

import pytest

from config.demo.factories import ProtectionFactory, TargetFactory, TargetVolumeFactory, VMContextFactory, VMDiskFactory
from config.jobs.engines import advance, complete, fail, progress, take_next
from config.jobs.moves import By
from config.jobs.refusals import ClaimHeld, StaleFence
from config.refusals import Conflict, Invalid, NotFound
from inventory.models import VMDisk
from replication.models import ChangeId, InvalidReason, ReplicationDisk
from replication.next_run import next_run
from replication.services.change_ids import current_base, invalidate_bases
from replication.services.jobs import create_replication, record_disk

pytestmark = pytest.mark.django_db
BY, ENGINE = By("anna"), By("engine")
ONE, OTHER = "52 a1 b2 c3 d4 e5 f6 07-18 29 3a 4b 5c 6d 7e 8f", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


@pytest.fixture
def vm():
    vm = VMContextFactory.create()
    for key in (2000, 2001):
        disk = VMDiskFactory.create(vm_context=vm, device_key=key, capacity_bytes=1000)
        ProtectionFactory.create(vm_context=vm) if key == 2000 else None
        TargetVolumeFactory.create(vm_disk=disk, target=vm.protection.target, status="attached")
    return vm


def begun(vm, **columns):
    job = create_replication(vm, by=BY, **columns)
    fence = take_next(["replication"], engine="engine-1", by=ENGINE).fence
    advance(job.id, fence, "replicating", by=ENGINE)
    return job, fence


def run(vm, number: int, *, tracking: str = ONE, **columns):
    job, fence = begun(vm, **columns)
    for row in job.disks.select_related("vm_disk"):
        record_disk(
            job.id,
            fence,
            row.vm_disk.disk_id,
            status="completed",
            bytes_synced=10,
            change_id=f"{tracking}/{number}",
            base_change_id=row.base_change_id,
        )
    return complete(job.id, fence, by=ENGINE)


def test_the_first_run_copies_everything_and_the_next_goes_on_from_each_disks_own_base(vm):
    job = create_replication(vm, by=BY)
    assert (job.replication_type, job.type_reason) == ("initial", "disk-2000: it was never copied.")
    assert set(VMDisk.objects.filter(vm_context=vm).values_list("job", flat=True)) == {job.id}
    with pytest.raises(ClaimHeld):
        create_replication(vm, by=BY)
    fence = take_next(["replication"], engine="engine-1", by=ENGINE).fence
    fail(job.id, fence, code="x", message="y", by=ENGINE)

    assert run(vm, 7).status == "completed"
    assert [current_base(disk).change_id for disk in vm.disks.all()] == [f"{ONE}/7"] * 2
    assert set(vm.disks.values_list("disk_change_id", "sync_status", "sync_progress_percent")) == {
        (f"{ONE}/7", "completed", 100.0)
    }
    second = run(vm, 9)
    assert (second.replication_type, second.type_reason) == ("incremental", "Every disk has a base and its volume.")
    assert list(ChangeId.objects.filter(is_current=True).values_list("generation", "base_change_id")) == [
        (2, f"{ONE}/7"),
        (2, f"{ONE}/7"),
    ]


def test_a_job_is_completed_only_when_each_of_its_disks_is(vm):
    job, fence = begun(vm)
    with pytest.raises(Conflict, match="disk-2000 is pending: say that it is completed first"):
        complete(job.id, fence, by=ENGINE)
    record_disk(job.id, fence, "disk-2000", status="completed", change_id=f"{ONE}/1")
    with pytest.raises(Conflict, match="disk-2001 is pending"):
        complete(job.id, fence, by=ENGINE)


def test_progress_is_that_of_the_disk_it_names_and_of_no_other(vm):
    job, fence = begun(vm)
    progress(job.id, fence, sequence=1, disks=[{"disk_id": "disk-2001", "bytes_synced": 250}])
    rows = list(job.disks.order_by("vm_disk__device_key").values_list("status", "bytes_synced"))
    assert rows == [("pending", 0), ("running", 250)]
    shown = list(vm.disks.order_by("device_key").values_list("sync_status", "sync_progress_percent"))
    assert shown == [("pending", 0), ("syncing", 25.0)]
    for wrong, told in (
        ({"disk_id": "disk-2002", "bytes_synced": 1}, "copies no disk disk-2002; it copies disk-2000, disk-2001"),
        ({"disk_id": "disk-2001", "bytes_synced": 1001}, "1001 of 1000 bytes"),
        ({"disk_id": "disk-2001", "status": "completed"}, "says pending or running, not completed"),
        ({"disk_id": "disk-2001", "bytes_synced": -1}, "-1 of 1000 bytes"),
    ):
        with pytest.raises((Invalid, NotFound), match=told):
            progress(job.id, fence, sequence=2, disks=[{"disk_id": "disk-2000", "bytes_synced": 99}, wrong])
    assert ReplicationDisk.objects.get(job=job, vm_disk__device_key=2000).bytes_synced == 0
    fail(job.id, fence, code="source_gone", message="The host is off.", by=ENGINE)
    assert list(vm.disks.order_by("device_key").values_list("sync_status", flat=True)) == ["pending", "failed"]


def test_a_copy_on_another_base_than_the_current_one_is_refused(vm):
    run(vm, 1)
    job, fence = begun(vm)
    for base in (None, f"{ONE}/0", "rubbish"):
        with pytest.raises(Conflict, match=f"was to be copied on the base {ONE}/1, not on {base}") as refused:
            record_disk(job.id, fence, "disk-2000", status="completed", change_id=f"{ONE}/5", base_change_id=base)
        assert refused.value.code == "base_conflict"
    invalidate_bases(vm, InvalidReason.REVERTED)
    with pytest.raises(Conflict, match="its base is none: the next run is a full one") as refused:
        record_disk(job.id, fence, "disk-2000", status="completed", change_id=f"{ONE}/5", base_change_id=f"{ONE}/1")
    assert refused.value.code == "base_conflict"
    assert ChangeId.objects.filter(change_id=f"{ONE}/5").count() == 0


def test_a_completed_disk_said_again_changes_nothing_and_never_another_copy(vm):
    job, fence = begun(vm)
    for _ in range(2):
        record_disk(job.id, fence, "disk-2000", status="completed", bytes_synced=9, change_id=f"{ONE}/3")
    assert ChangeId.objects.count() == 1
    with pytest.raises(Conflict, match="is completed with another change id"):
        record_disk(job.id, fence, "disk-2000", status="completed", change_id=f"{ONE}/4")
    with pytest.raises(Conflict, match="which is not followed by running"):
        record_disk(job.id, fence, "disk-2000", status="running")
    with pytest.raises(StaleFence):
        record_disk(job.id, fence - 1, "disk-2001", status="completed", change_id=f"{ONE}/3")
    with pytest.raises(Invalid, match="done is no status of a disk"):
        record_disk(job.id, fence, "disk-2001", status="done")


@pytest.mark.parametrize(
    ("change_id", "reason"),
    [("12345", "malformed"), (f"{ONE}/x", "malformed"), (f"{OTHER}/9", "other_uuid"), (None, None)],
)
def test_what_cannot_be_a_base_is_recorded_with_the_reason_and_the_next_run_is_a_full_one(vm, change_id, reason):
    run(vm, 1)
    job, fence = begun(vm)
    assert job.replication_type == "incremental"
    record_disk(job.id, fence, "disk-2000", status="completed", change_id=change_id, base_change_id=f"{ONE}/1")
    record_disk(job.id, fence, "disk-2001", status="completed", change_id=f"{ONE}/9", base_change_id=f"{ONE}/1")
    complete(job.id, fence, by=ENGINE)
    disk = vm.disks.get(device_key=2000)
    assert (current_base(disk), disk.disk_change_id) == (None, None)
    newest = ChangeId.objects.filter(vm_disk=disk).order_by("-generation").first()
    assert newest.invalid_reason == reason
    run_now = next_run(vm, vm.protection.target)
    assert (run_now.type, run_now.reason.startswith("disk-2000: no base is valid")) == ("initial", True)


def test_the_reason_of_a_full_run_names_the_disk_and_what_is_wrong(vm):
    run(vm, 1)
    target, first = vm.protection.target, vm.disks.order_by("device_key").first()
    assert next_run(vm, target).type == "incremental"
    with pytest.raises(Invalid, match="not possible"):
        VMDisk.objects.filter(pk=first.pk).update(capacity_bytes=2000)
        create_replication(vm, by=BY, run_type="incremental")
    assert next_run(vm, target).reason == "disk-2000: its capacity has changed since its base."
    VMDisk.objects.filter(pk=first.pk).update(capacity_bytes=1000)
    first.target_volume.status = "error"
    first.target_volume.save()
    assert "is in state error" in next_run(vm, target).reason
    first.target_volume.delete()
    assert next_run(vm, target).reason == "disk-2000: it has no volume."
    TargetVolumeFactory.create(vm_disk=first, target=target, status="attached")
    invalidate_bases(vm, InvalidReason.TARGET_WRITTEN)
    assert "target volume written by a test failover" in next_run(vm, target).reason
    run(vm, 2)
    assert create_replication(vm, by=BY, run_type="initial").type_reason == "It was asked for."


def test_a_vm_that_cannot_be_replicated_is_refused_with_what_to_do():
    vm = VMContextFactory.create()
    with pytest.raises(Invalid, match="is not protected: protect it, or name a target"):
        create_replication(vm, by=BY)
    target = TargetFactory.create(organization=vm.vcenter.organization)
    with pytest.raises(Invalid, match="has no disk: discover it again"):
        create_replication(vm, by=BY, target=target)
    with pytest.raises(NotFound, match="There is no target"):
        create_replication(vm, by=BY, target=TargetFactory.create())
    VMDiskFactory.create(vm_context=vm)
    with pytest.raises(Invalid, match="say auto, initial or incremental"):
        create_replication(vm, by=BY, target=target, run_type="full")
    # Since this caller has read the VM.
    type(vm).objects.filter(pk=vm.pk).update(runs_at="target")
    with pytest.raises(Invalid, match="runs at the target since its failover"):
        create_replication(vm, by=BY, target=target)
    assert vm.operation_claim.holder_id is None
