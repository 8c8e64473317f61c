"""What the engine of a back-up reports: which instant it copies, and the copy of each disk."""

from datetime import datetime

from django.utils import timezone

from backups.models import BackupDisk, BackupDiskStatus, BackupJob
from config.jobs.engines import held_job
from config.jobs.moves import change
from config.refusals import Conflict, Invalid, NotFound
from config.transactions import whole
from inventory.change_ids import is_change_id, same_tracking
from inventory.models import Organization

CLOCKS_DIFFER_SECONDS = 300
"""By how much the clock of a source may be ahead of ours."""


@whole
def record_snapshot(job_id: str, fence: int, at: datetime, *, organization: Organization | None = None) -> bool:
    """Say which instant of the source the back-up holds, once; False where that was said before.

    Raises StaleFence, JobEnded, NotFound, Invalid, and Conflict for another instant.
    """
    job = held_job(job_id, fence, organization, BackupJob)
    if job.snapshot_at == at:
        return False
    if at.tzinfo is None:
        raise Invalid("The instant of the snapshot needs its offset from UTC, as 2026-11-05T10:00:00Z has it.")
    if (at - timezone.now()).total_seconds() > CLOCKS_DIFFER_SECONDS:
        raise Invalid(f"The snapshot is of {at:%Y-%m-%dT%H:%M:%SZ}, which is still to come: set the engine's clock.")
    if job.snapshot_at is not None:
        raise Conflict(
            f"Job {job_id} copies the snapshot of {job.snapshot_at:%Y-%m-%dT%H:%M:%SZ}: what was copied of it and of"
            " another is no back-up, so fail this job and begin a new one.",
            code="other_snapshot",
        )
    change(job, snapshot_at=at)
    return True


@whole
def record_disk(
    job_id: str,
    fence: int,
    disk_id: str,
    *,
    status: str,
    bytes_stored: int | None = None,
    change_id: str | None = None,
    base_change_id: str | None = None,
    path: str | None = None,
    checksum: str | None = None,
    organization: Organization | None = None,
) -> bool:
    """Store how the copy of one disk stands; False where it stood so already. What is None is not said.

    Raises StaleFence, JobEnded, NotFound for a disk that the job does not copy, Invalid, and Conflict for changes since
    another change id than that of the copy below, or for a copy that is complete already and was another.
    """
    job = held_job(job_id, fence, organization, BackupJob)
    said = {
        "status": status,
        "bytes_stored": bytes_stored,
        "change_id": change_id or None,
        "base_change_id": base_change_id or None,
        "path": path or None,
        "checksum": checksum or None,
    }
    known = {name: value for name, value in said.items() if value is not None}
    copy = copy_of(job, disk_id)
    if all(getattr(copy, name) == value for name, value in known.items()):
        return False
    if copy.status == BackupDiskStatus.COMPLETED:
        raise Conflict(
            f"The copy of {disk_id} in job {job_id} is complete, and was reported otherwise: a new one is a new job.",
            code="disk_completed",
        )
    for name, value in known.items():
        setattr(copy, name, value)
    _check(job, copy)
    copy.save(update_fields=[*known, "updated_at"])
    return True


def copy_of(job: BackupJob, disk_id: str) -> BackupDisk:
    """Raises NotFound, which names the disks that there are."""
    copies = {copy.disk_id: copy for copy in job.disks.order_by("vm_disk__device_key")}
    if disk_id not in copies:
        raise NotFound(f"Job {job.id} copies no disk {disk_id}; it copies {', '.join(copies) or 'none'}.")
    return copies[disk_id]


def bases_of(job: BackupJob) -> dict[int, str | None]:
    """The change id that the copy of each disk builds on, by the disk's primary key: that of the copy below.

    A full back-up has none.
    """
    return dict(BackupDisk.objects.filter(job=job.parent_id).values_list("vm_disk", "change_id"))


def _check(job: BackupJob, copy: BackupDisk) -> None:
    """Refuse what the copy would then be. Raises Invalid, Conflict."""
    if copy.status not in BackupDiskStatus.values:
        raise Invalid(f"status is one of: {', '.join(BackupDiskStatus.values)}.")
    if copy.bytes_stored is not None and copy.bytes_stored < 0:
        raise Invalid("bytes is at least 0.")
    if copy.change_id is not None and not is_change_id(copy.change_id):
        raise Invalid("A change_id is <uuid>/<number>; leave it out where the source gave none.")
    if copy.status != BackupDiskStatus.COMPLETED:
        return
    if copy.path is None or copy.bytes_stored is None:
        raise Invalid(f"The copy of {copy.disk_id} is complete only with its path and its bytes.")
    _check_base(job, copy)


def _check_base(job: BackupJob, copy: BackupDisk) -> None:
    if job.parent_id is None:
        if copy.base_change_id is not None:
            raise Conflict(f"Job {job.id} is a full back-up, of the whole disk: name no base.", code="base_conflict")
        return
    base = bases_of(job).get(copy.vm_disk_id)
    if base is None or copy.base_change_id != base:
        raise Conflict(
            f"The copy of {copy.disk_id} in job {job.id} builds on change id {base}, not on {copy.base_change_id}:"
            " fail the job; the next back-up chooses its base anew.",
            code="base_conflict",
            details=[{"disk_id": copy.disk_id, "base_change_id": base}],
        )
    if copy.change_id is not None and not same_tracking(copy.change_id, base):
        raise Conflict(
            f"The tracking of {copy.disk_id} was reset since {base}, so what changed is not known: fail the job; ask"
            " for a full back-up.",
            code="base_conflict",
        )
