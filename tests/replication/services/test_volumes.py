"""The volumes that take copies: the engine that replicates tells of them, and a VM without any becomes ready so."""

import pytest

from config.demo.factories import ProtectionFactory, TargetFactory, TargetVolumeFactory, VMContextFactory, VMDiskFactory
from config.jobs.engines import advance, complete, fail, take_next
from config.jobs.moves import By
from config.jobs.refusals import StaleFence
from config.refusals import Conflict, Invalid, NotFound
from failover.services.volumes import record_volume
from inventory.models import VMDisk
from replication.models import TargetVolume
from replication.next_run import next_run
from replication.services.change_ids import current_base
from replication.services.jobs import create_replication, record_disk

pytestmark = pytest.mark.django_db
BY, ENGINE = By("anna"), By("engine")
TRACKING = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


@pytest.fixture
def vm():
    vm = VMContextFactory.create()
    VMDiskFactory.create(vm_context=vm, device_key=2000, capacity_bytes=1000)
    ProtectionFactory.create(vm_context=vm)
    return vm


def begun(vm):
    job = create_replication(vm, by=BY)
    fence = take_next(["replication"], engine="engine-1", by=ENGINE).fence
    advance(job.id, fence, "replicating", by=ENGINE)
    return job, fence


def copied(job, fence, number, base=None):
    said = {"status": "completed", "bytes_synced": 10, "change_id": f"{TRACKING}/{number}", "base_change_id": base}
    record_disk(job.id, fence, "disk-2000", **said)
    complete(job.id, fence, by=ENGINE)


def test_first_run_tells_of_the_volume_and_the_next_goes_on_from_it(vm):
    job, fence = begun(vm)
    for _ in range(2):
        record_volume(job.id, fence, "disk-2000", status="attached", volume_id="v-1", device_path="/dev/vdb")
    volume = TargetVolume.objects.get()
    assert (volume.vm_disk.disk_id, volume.target_id, volume.status) == ("disk-2000", job.target_id, "attached")
    assert volume.volume_name == f"{vm.name}-disk-2000"
    copied(job, fence, 1)
    assert next_run(vm, job.target).type == "incremental"


def test_another_volume_begins_the_copy_anew_and_the_former_is_let_go(vm):
    job, fence = begun(vm)
    record_volume(job.id, fence, "disk-2000", status="attached", volume_id="v-1", device_path="/dev/vdb")
    copied(job, fence, 1)
    job, fence = begun(vm)
    record_volume(job.id, fence, "disk-2000", status="attached", volume_id="v-2", device_path="/dev/vdb")
    former = TargetVolume.objects.get(volume_id="v-1")
    assert (former.vm_disk, former.status, former.device_path) == (None, "detached", None)
    assert current_base(VMDisk.objects.get(vm_context=vm)) is None
    with pytest.raises(Conflict):
        copied(job, fence, 2, base=f"{TRACKING}/1")
    fail(job.id, fence, code="volume_lost", message="The volume was replaced.", by=ENGINE)
    assert next_run(vm, job.target).type == "initial"


def test_what_makes_no_sense_is_refused_and_changes_nothing(vm):
    job, fence = begun(vm)
    taken = TargetVolumeFactory.create(target=TargetFactory.create(), volume_id="v-9")
    TargetVolumeFactory.create(target=job.target, device_path="/dev/vdc", status="attached")
    refused = (
        (Invalid, "disk-2000", {"status": "attached"}),
        (Invalid, "disk-2000", {"status": "gone", "volume_id": "v-1"}),
        (Invalid, "disk-2000", {"status": "attached", "volume_id": "v-1", "volume_type": "TAPE"}),
        (NotFound, "disk-2001", {"status": "attached", "volume_id": "v-1"}),
        (Conflict, "disk-2000", {"status": "attached", "volume_id": taken.volume_id}),
        (Conflict, "disk-2000", {"status": "attached", "volume_id": "v-1", "device_path": "/dev/vdc"}),
    )
    for refusal, disk, said in refused:
        with pytest.raises(refusal):
            record_volume(job.id, fence, disk, **said)
    with pytest.raises(StaleFence):
        record_volume(job.id, fence - 1, "disk-2000", status="attached", volume_id="v-1")
    assert TargetVolume.objects.filter(vm_disk__vm_context=vm).count() == 0
