"""The rules of replication over several rows: who breaks them, whoever wrote that (docs/invariants.md)."""

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q

from inventory.change_ids import same_tracking
from inventory.integrity import Broken
from inventory.models import VMDisk
from replication.models import ChangeId, DiskStatus, Protection, ReplicationDisk, ReplicationJob, TargetVolume
from replication.services.jobs import SYNC_STATUS


def broken_rules() -> Iterator[Broken]:
    """Those of replication."""
    yield from _disks()
    yield from _targets()
    yield from _runs()
    yield from _change_ids()


def _disks() -> Iterator[Broken]:
    shown = Q()
    for status, sync_status in SYNC_STATUS.items():
        same = Q(vm_disk__sync_status=sync_status, vm_disk__bytes_synced=F("bytes_synced"))
        shown |= Q(status=status) & ~same
    wrong = ReplicationDisk.objects.filter(shown, job=F("vm_disk__job"))
    for disk, status in wrong.values_list("vm_disk", "status"):
        yield Broken(
            "INV-DISK-10",
            f"disk:{disk}",
            f"Disk {disk} shows another state of its copy than its newest run, in which it is {status}.",
            "Let the VM be replicated again: the run writes both.",
        )
    current = ChangeId.objects.filter(vm_disk=OuterRef("pk"), is_current=True)
    agrees = Exists(current.filter(change_id=OuterRef("disk_change_id"))) | Q(~Exists(current), disk_change_id=None)
    for disk in VMDisk.objects.exclude(agrees).values_list("pk", flat=True):
        yield Broken(
            "INV-DISK-10",
            f"disk:{disk}",
            f"Disk {disk} shows another change id than the base that its next run goes on from.",
            "Let the VM be replicated again as a whole (type initial).",
        )
    newer = ReplicationDisk.objects.filter(vm_disk=OuterRef("pk"), job__created_at__gt=OuterRef("job__created_at"))
    wrong_job = Q(job__isnull=False) & (~Q(job__vm_context=F("vm_context")) | Exists(newer))
    for disk, job in VMDisk.objects.filter(wrong_job).values_list("pk", "job"):
        yield Broken(
            "INV-DISK-11",
            f"disk:{disk}",
            f"Disk {disk} names job {job}, which is not the newest replication job of its VM.",
            "Let the VM be replicated again: the run writes it.",
        )


def _targets() -> Iterator[Broken]:
    copied = ReplicationJob.objects.filter(vm_context=OuterRef("vm_disk__vm_context"), target=OuterRef("target"))
    volumes = TargetVolume.objects.filter(vm_disk__isnull=False).exclude(
        Q(target=F("vm_disk__vm_context__protection__target")) | Exists(copied)
    )
    for key, volume in volumes.values_list("pk", "volume_id"):
        yield Broken(
            "INV-VOLUME-12",
            f"volume:{key}",
            f"Volume {volume} holds the copy of a disk in a target to which its VM was never copied.",
            "Set its vm_disk_id to NULL and its state to detached, and let the VM be replicated.",
        )
    mine = Q(target__organization=F("vm_context__vcenter__organization"))
    for key in Protection.objects.exclude(mine).values_list("pk", flat=True):
        yield Broken(
            "INV-PROT-06",
            f"protection:{key}",
            f"Protection {key} sends a VM to a target of another organisation.",
            "Give it a target of the VM's own organisation.",
        )
    for job in ReplicationJob.objects.exclude(mine).values_list("pk", flat=True):
        yield Broken(
            "INV-REPL-12",
            f"replication:{job}",
            f"Replication job {job} copies a VM to a target of another organisation.",
            "Cancel it, see what lies there, and let the VM be replicated to a target of its own organisation.",
        )


def _runs() -> Iterator[Broken]:
    for row in ReplicationDisk.objects.exclude(vm_disk__vm_context=F("job__vm_context")).values_list("job", "vm_disk"):
        yield Broken(
            "INV-RDISK-08",
            f"replication:{row[0]}",
            f"Replication job {row[0]} copies disk {row[1]}, which is of another VM.",
            "Delete that row of replication_disks, and let both VMs be replicated as a whole (type initial).",
        )
    rows = ReplicationDisk.objects.filter(job__status="completed").exclude(status=DiskStatus.COMPLETED)
    for job, disk in rows.values_list("job", "vm_disk"):
        yield Broken(
            "INV-RDISK-08",
            f"replication:{job}",
            f"Replication job {job} is completed, and its disk {disk} is not.",
            "Do not trust that copy: let the VM be replicated again.",
        )


def _change_ids() -> Iterator[Broken]:
    before = ChangeId.objects.filter(
        vm_disk=OuterRef("vm_disk"), generation__lt=OuterRef("generation"), change_id=OuterRef("base_change_id")
    )
    built = ChangeId.objects.filter(base_change_id__isnull=False, is_current=True)
    baseless = set(built.filter(~Exists(before)).values_list("pk", flat=True))
    for key, disk, change_id, base in built.values_list("pk", "vm_disk", "change_id", "base_change_id"):
        if key in baseless or not same_tracking(change_id, base):
            yield Broken(
                "INV-CHANGE-13",
                f"disk:{disk}",
                f"The base of disk {disk} was built on {base}, which was never its base, or is of another tracking.",
                "Do not trust that copy: let the VM be replicated as a whole (type initial).",
            )
    for key, job in (
        ChangeId.objects.filter(job__isnull=False)
        .exclude(job__vm_context=F("vm_disk__vm_context"))
        .values_list("vm_disk", "job")
    ):
        yield Broken(
            "INV-CHANGE-14",
            f"disk:{key}",
            f"A change id of disk {key} comes from job {job} of another VM.",
            "Do not trust that copy: let the VM be replicated as a whole (type initial).",
        )
