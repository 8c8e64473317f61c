"""What an engine made in the target cloud for a failover job: snapshots, and where the volumes are now."""

from typing import Any

from config.jobs.engines import held_job
from config.jobs.moves import change
from config.refusals import Conflict, Invalid, NotFound
from config.schema.fields import UtcNow
from config.transactions import whole
from failover.models import ACTIVE_SNAPSHOT, SNAPSHOT_MOVES, FailoverJob, SnapshotStatus, VolumeSnapshot
from replication.models import ReplicationJob, TargetVolume, VolumeStatus
from replication.services.volumes import record_copy_volume

FIRST = (SnapshotStatus.CREATING.value, SnapshotStatus.READY.value, SnapshotStatus.FAILED.value)
"""How a snapshot may stand when an engine first tells of it."""


@whole
def record_snapshot(
    job_id: str,
    fence: int,
    disk_id: str,
    *,
    status: str,
    snapshot_id: str | None = None,
    error_message: str | None = None,
    organization: Any = None,
) -> VolumeSnapshot:
    """Note how the snapshot of the volume of this disk stands; the same said twice is one note.

    One that failed may be followed by another. Raises StaleFence, JobEnded, NotFound, Invalid, Conflict.
    """
    if status not in SnapshotStatus.values:
        raise Invalid(f"{status} is no status of a snapshot; there are {', '.join(SnapshotStatus.values)}.")
    job = held_job(job_id, fence, organization, FailoverJob)
    snapshot = _snapshot_before(job, disk_id, status)
    if snapshot.snapshot_id and snapshot_id not in (None, snapshot.snapshot_id):
        raise Conflict(f"The snapshot of {disk_id} is {snapshot.snapshot_id} in the cloud, and stays so.")
    snapshot.status, snapshot.is_active = status, True if status in ACTIVE_SNAPSHOT else None
    snapshot.snapshot_id = snapshot_id or snapshot.snapshot_id
    snapshot.error_message = error_message or snapshot.error_message
    if status == SnapshotStatus.READY and not snapshot.snapshot_id:
        raise Invalid(f"The snapshot of {disk_id} is ready: say the id that it has in the cloud.")
    others = VolumeSnapshot.objects.filter(snapshot_id=snapshot.snapshot_id).exclude(pk=snapshot.pk)
    if snapshot.snapshot_id and others.exists():
        raise Conflict(f"Snapshot {snapshot.snapshot_id} of the cloud is noted already, for another volume or job.")
    snapshot.save()
    return snapshot


def _snapshot_before(job: FailoverJob, disk_id: str, status: str) -> VolumeSnapshot:
    """The snapshot that may be in this status next: the newest one, or a new one after none or a failed one."""
    volume = _volume(job, disk_id)
    newest = VolumeSnapshot.objects.filter(job=job, volume=volume).order_by("-pk").first()
    if newest and (newest.status == status or status in SNAPSHOT_MOVES[newest.status]):
        return newest
    if status in FIRST and (newest is None or newest.status == SnapshotStatus.FAILED):
        return VolumeSnapshot(job=job, volume=volume)
    is_now = f"is {newest.status}" if newest else "does not exist"
    raise Conflict(f"The snapshot of {disk_id} {is_now}, and is not {status} next.", code="illegal_move")


@whole
def record_volume(
    job_id: str,
    fence: int,
    disk_id: str,
    *,
    status: str,
    device_path: str | None = None,
    organization: Any = None,
    **made: Any,
) -> TargetVolume:
    """Note where the volume of this disk is now; a replication job says with `made` which one it made for the copy.

    `made` is what `record_copy_volume` takes. Raises StaleFence, JobEnded, NotFound, Invalid, Conflict.
    """
    if status not in VolumeStatus.values:
        raise Invalid(f"{status} is no status of a volume; there are {', '.join(VolumeStatus.values)}.")
    if device_path and status == VolumeStatus.DETACHED:
        raise Invalid("A detached volume is at no device path: leave it out.")
    job = held_job(job_id, fence, organization, FailoverJob, ReplicationJob)
    if isinstance(job, ReplicationJob):
        return record_copy_volume(job, disk_id, status=status, device_path=device_path, **made)
    volume = _volume(job, disk_id)
    if strange := [name for name, value in made.items() if value is not None]:
        raise Invalid(f"A failover makes no volume, so leave out {', '.join(strange)}.")
    path = None if status == VolumeStatus.DETACHED else device_path or volume.device_path
    others = TargetVolume.objects.filter(target=volume.target_id, device_path=path).exclude(pk=volume.pk)
    if path and others.exists():
        raise Conflict(f"Another volume of the target is at {path} already.", code="device_path_taken")
    TargetVolume.objects.filter(pk=volume.pk).update(status=status, device_path=path, updated_at=UtcNow())
    volume.refresh_from_db()
    return volume


@whole
def record_destination(job_id: str, fence: int, destination_vm_id: str, *, organization: Any = None) -> FailoverJob:
    """Note which VM the engine made at the target. Raises StaleFence, JobEnded, NotFound, Invalid, Conflict."""
    job: FailoverJob = held_job(job_id, fence, organization, FailoverJob)
    if not destination_vm_id:
        raise Invalid("Say the id of the VM in the target cloud.")
    if job.destination_vm_id not in (None, destination_vm_id):
        raise Conflict(f"Job {job_id} has made the VM {job.destination_vm_id} already.", code="destination_known")
    change(job, destination_vm_id=destination_vm_id)
    return job


def _volume(job: FailoverJob, disk_id: str) -> TargetVolume:
    """The volume of a disk of the job's VM; an unknown disk is an error, never the first one."""
    mine = TargetVolume.objects.filter(vm_disk__vm_context=job.vm_context_id, vm_disk__disk_id=disk_id)
    if volume := mine.first():
        return volume
    raise NotFound(f"The VM of job {job.job_id} has no disk {disk_id} with a target volume.")
