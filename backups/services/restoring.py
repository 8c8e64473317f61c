"""Restores and mounts of restore points."""

from backups.models import (
    BackupDisk,
    BackupDiskStatus,
    BackupJob,
    RestoreJob,
    RestoreMode,
    RestoreStatus,
    new_restore_id,
)
from backups.points import broken_links
from backups.queries import points_of
from config.jobs.claims import lock_vm
from config.jobs.moves import By, create_job
from config.refusals import Conflict, Invalid, NotFound
from config.transactions import whole
from inventory.models import Organization

DESTINATION_LENGTH = 1024


@whole
def create_restore(
    backup_id: str,
    destination: str,
    mode: str = RestoreMode.RESTORE,
    *,
    disk_id: str | None = None,
    by: By,
    reason: str | None = None,
    organization: Organization | None = None,
) -> RestoreJob:
    """Restore a point, or one disk of it, to somewhere; a mount is of one disk, and at most one of it is active.

    It reads copies only, and takes no claim. Raises NotFound, Invalid where the point cannot be restored, with the link
    that is missing, and Conflict where the disk is mounted already, with the job that mounted it.
    """
    backup = BackupJob.objects.of(organization).filter(pk=backup_id).first()
    if backup is None:
        raise NotFound(f"There is no back-up {backup_id}.")
    if mode not in RestoreMode.values:
        raise Invalid(f"mode is one of: {', '.join(RestoreMode.values)}.")
    if not 0 < len(destination.strip()) <= DESTINATION_LENGTH:
        raise Invalid(f"Say where to, in at most {DESTINATION_LENGTH} characters.")
    # Whoever prunes this VM waits until the restore is there to be seen, or this one sees what was pruned.
    lock_vm(backup.vm_context_id)
    _refuse_unrestorable(backup)
    copy = None if disk_id is None else _copy(backup, disk_id)
    is_mount = mode == RestoreMode.MOUNT
    if is_mount:
        _refuse_mounted(copy)
    job: RestoreJob = create_job(
        lambda: RestoreJob(
            id=new_restore_id(backup.vm_context.name),
            backup=backup,
            backup_disk=copy,
            mode=mode,
            destination=destination.strip(),
            status=RestoreStatus.PENDING,
            is_active_mount=True if is_mount else None,
        ),
        by=by,
        reason=reason,
    )
    return job


def _refuse_unrestorable(backup: BackupJob) -> None:
    faults = broken_links(points_of([backup.vm_context_id]))
    if backup.pk not in faults:
        backup.refresh_from_db(fields=("status", "pruned_at"))
        was = f"is {backup.status}" if backup.pruned_at is None else f"was pruned at {backup.pruned_at:%Y-%m-%dT%H:%MZ}"
        raise Invalid(f"{backup.pk} is no restore point, as it {was}: choose another one.", code="not_restorable")
    if fault := faults[backup.pk]:
        raise Invalid(f"{backup.pk} cannot be restored: {fault} Choose another one.", code="not_restorable")


def _copy(backup: BackupJob, disk_id: str) -> BackupDisk:
    copy = backup.disks.filter(disk_id=disk_id, status=BackupDiskStatus.COMPLETED).first()
    if copy is None:
        raise NotFound(f"{backup.pk} has no copy of {disk_id}.")
    return copy


def _refuse_mounted(copy: BackupDisk | None) -> None:
    if copy is None:
        raise Invalid("Say which disk is to be mounted.")
    other = RestoreJob.objects.filter(backup_disk=copy, is_active_mount=True).first()
    if other is not None:
        raise Conflict(
            f"{copy.disk_id} of {copy.job_id} is mounted at {other.destination} by {other.pk}: unmount it first.",
            code="mounted",
            details=[{"job": other.pk, "destination": other.destination}],
        )
