"""What somebody breaks by writing past the services is found, and nothing else is."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from config.demo.factories import (
    ChangeIdFactory,
    HostFactory,
    ProtectionFactory,
    ReplicationJobFactory,
    TargetFactory,
    TargetVolumeFactory,
    VMContextFactory,
    VMDiskFactory,
)
from config.jobs.engines import advance, complete, take_next
from config.jobs.models import JobEvent
from config.jobs.moves import By
from inventory.integrity import all_broken
from inventory.models import OperationClaim, VMContext, VMDisk
from replication.models import ChangeId, Protection, ReplicationDisk, ReplicationJob, TargetVolume
from replication.services.jobs import create_replication, record_disk

pytestmark = pytest.mark.django_db
BY, TRACKING = By("tests"), "52a1b2c3-d4e5-f607-1829-3a4b5c6d7e8f"


@pytest.fixture
def vm():
    """One that was replicated twice, and is being replicated."""
    vm = VMContextFactory.create(host=None)
    disk = VMDiskFactory.create(vm_context=vm, device_key=2000, capacity_bytes=1000)
    target = ProtectionFactory.create(vm_context=vm).target
    TargetVolumeFactory.create(vm_disk=disk, target=target, status="attached")
    for number in (1, 2):
        job = create_replication(vm, by=BY)
        fence = take_next(["replication"], engine="engine-1", by=BY).fence
        advance(job.id, fence, "replicating", by=BY)
        base = job.disks.get().base_change_id
        change_id = f"{TRACKING}/{number}"
        record_disk(
            job.id, fence, "disk-2000", status="completed", bytes_synced=9, change_id=change_id, base_change_id=base
        )
        complete(job.id, fence, by=BY)
    create_replication(vm, by=BY)
    assert list(all_broken()) == []
    return vm


def strange_job(vm: VMContext) -> ReplicationJob:
    job = ReplicationJobFactory.create(status="completed")
    told = [(None, "pending"), ("pending", "running"), ("running", "replicating"), ("replicating", "completed")]
    for before, after in told:
        JobEvent.objects.create(
            job_kind="replication",
            job_id=job.id,
            vm_context_id=job.vm_context_id,
            from_status=before,
            to_status=after,
            actor="x",
        )
    return job


def newest(vm: VMContext) -> ReplicationJob:
    return vm.replication_jobs.order_by("-created_at").first()


BREAKS: dict[str, tuple[str, Callable[[VMContext], object]]] = {
    "a vm without a claim": (
        "INV-CLAIM-09",
        lambda vm: OperationClaim.objects.filter(pk=VMContextFactory.create(host=None).pk).delete(),
    ),
    "a host of another vCenter": (
        "INV-VM-12",
        lambda vm: VMContext.objects.filter(pk=vm.pk).update(host=HostFactory.create()),
    ),
    "an active job without the claim": (
        "INV-CLAIM-10",
        lambda vm: OperationClaim.objects.update(
            holder_kind=None, holder_id=None, taken_at=None, heartbeat_at=None, lease_seconds=None
        ),
    ),
    "a claim of no job": (
        "INV-CLAIM-10",
        lambda vm: OperationClaim.objects.filter(pk=VMContextFactory.create(host=None).pk).update(
            holder_kind="replication",
            holder_id="job-gone",
            taken_at=timezone.now(),
            heartbeat_at=timezone.now(),
            lease_seconds=60,
        ),
    ),
    "a job that was moved without an event": (
        "INV-EVENT-02",
        lambda vm: ReplicationJob.objects.filter(status="pending").update(status="running", started_at=timezone.now()),
    ),
    "an event of no legal move": (
        "INV-EVENT-02",
        lambda vm: JobEvent.objects.filter(job_id=newest(vm).pk).update(from_status="completed", to_status="pending"),
    ),
    "a disk that shows another state": ("INV-DISK-10", lambda vm: failed_copy(vm)),
    "a disk that shows another base": ("INV-DISK-10", lambda vm: VMDisk.objects.update(disk_change_id="x/1")),
    "a disk of an older job": (
        "INV-DISK-11",
        lambda vm: VMDisk.objects.update(job=vm.replication_jobs.order_by("created_at").first()),
    ),
    "a volume in a strange target": (
        "INV-VOLUME-12",
        lambda vm: TargetVolume.objects.update(target=TargetFactory.create()),
    ),
    "a protection to a strange target": (
        "INV-PROT-06",
        lambda vm: Protection.objects.update(target=TargetFactory.create()),
    ),
    "a job to a strange target": (
        "INV-REPL-12",
        lambda vm: ReplicationJob.objects.filter(pk=newest(vm).pk).update(target=TargetFactory.create()),
    ),
    "a job that copies a strange disk": (
        "INV-RDISK-08",
        lambda vm: ReplicationDisk.objects.create(job=newest(vm), vm_disk=VMDiskFactory.create(vm_context__host=None)),
    ),
    "a completed job with an open disk": (
        "INV-RDISK-08",
        lambda vm: ReplicationDisk.objects.filter(job=vm.replication_jobs.order_by("created_at").first()).update(
            status="failed"
        ),
    ),
    "a base that never was": (
        "INV-CHANGE-13",
        lambda vm: ChangeId.objects.filter(is_current=True).update(base_change_id=f"{TRACKING}/99"),
    ),
    "a change id of another VM's job": (
        "INV-CHANGE-14",
        lambda vm: ChangeId.objects.filter(is_current=None).update(job=strange_job(vm)),
    ),
}


def failed_copy(vm: VMContext) -> None:
    ReplicationDisk.objects.filter(job=newest(vm)).update(status="failed")


@pytest.mark.parametrize("how", BREAKS)
def test_whoever_breaks_a_rule_is_told_which_and_the_way_out(vm, how, capsys):
    invariant, break_it = BREAKS[how]
    break_it(vm)
    found = list(all_broken())
    assert {each.invariant for each in found} == {invariant}, found
    with pytest.raises(SystemExit) as ended:
        call_command("check_integrity")
    assert ended.value.code == 4
    assert invariant in capsys.readouterr().out


def test_a_change_id_of_long_ago_is_no_reason_to_complain(vm):
    disk = vm.disks.get()
    ChangeIdFactory.create(
        vm_disk=disk, generation=9, is_current=None, committed_at=None, snapshot_at=timezone.now() - timedelta(days=9)
    )
    assert list(all_broken()) == []
