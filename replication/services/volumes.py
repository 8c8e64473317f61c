"""The volume in the target cloud that holds the copy of a disk, as the engine that replicates made it."""

from django.db import IntegrityError, transaction

from config.refusals import Conflict, Invalid, NotFound
from config.schema.fields import UtcNow
from inventory.models import VMDisk
from replication.models import InvalidReason, ReplicationJob, TargetVolume, VolumeStatus, VolumeType
from replication.services.change_ids import invalidate_bases


def record_copy_volume(
    job: ReplicationJob,
    disk_id: str,
    *,
    status: str,
    volume_id: str | None = None,
    volume_name: str | None = None,
    volume_type: str | None = None,
    size_bytes: int | None = None,
    device_path: str | None = None,
) -> TargetVolume:
    """Note which volume holds the copy of this disk; the same said twice is one note. Its caller holds the job.

    The first word of a volume has its id in the cloud. With another id than before the copy begins anew: the former
    volume is let go, and the base of the disk is none any more. Raises NotFound, Invalid, Conflict.
    """
    disk = VMDisk.objects.filter(replication_disks__job=job, disk_id=disk_id).first()
    if disk is None:
        raise NotFound(f"Job {job.pk} has no disk {disk_id}.")
    if volume_type not in (None, *VolumeType.values):
        raise Invalid(f"{volume_type} is no type of a volume; there are {', '.join(VolumeType.values)}.")
    volume = TargetVolume.objects.filter(vm_disk=disk).first()
    if volume is not None and volume_id not in (None, volume.volume_id):
        TargetVolume.objects.filter(pk=volume.pk).update(
            vm_disk=None, status=VolumeStatus.DETACHED, device_path=None, updated_at=UtcNow()
        )
        invalidate_bases(job.vm_context, InvalidReason.VOLUME_REPLACED, disks=[disk.pk])
        volume = None
    if volume is None:
        if volume_id is None:
            raise Invalid(f"{disk_id} has no volume yet: say the volume_id that it has in the cloud.")
        volume = TargetVolume(target=job.target, volume_id=volume_id, vm_disk=disk)
        volume.volume_name = f"{job.source_vm_name}-{disk_id}"[:255]
    if volume.target_id != job.target_id:
        raise Conflict(
            f"Volume {volume.volume_id} lies at another target than job {job.pk}: say another volume_id.",
            code="volume_elsewhere",
        )
    volume.volume_name = volume_name or volume.volume_name
    volume.volume_type = volume_type or volume.volume_type
    volume.size_bytes = volume.size_bytes if size_bytes is None else size_bytes
    volume.device_path = None if status == VolumeStatus.DETACHED else device_path or volume.device_path
    volume.status = status
    return _saved(volume)


def _saved(volume: TargetVolume) -> TargetVolume:
    try:
        with transaction.atomic():
            volume.save()
    except IntegrityError as error:
        same = TargetVolume.objects.exclude(pk=volume.pk)
        if same.filter(volume_id=volume.volume_id).exists():
            raise Conflict(
                f"Volume {volume.volume_id} of the cloud is noted already, for another disk.", code="volume_known"
            ) from None
        if volume.device_path and same.filter(target=volume.target_id, device_path=volume.device_path).exists():
            raise Conflict(
                f"Another volume of the target is at {volume.device_path} already.", code="device_path_taken"
            ) from None
        raise error
    return volume
