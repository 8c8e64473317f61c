"""Replication jobs: what they copied, and which change ids they left."""

from datetime import datetime, timedelta
from typing import Any

from config.demo.chance import chance
from config.demo.factories import ChangeIdFactory, ReplicationDiskFactory, ReplicationJobFactory
from config.demo.stories.part import Part
from config.demo.stories.timeline import Timeline, timeline
from inventory.models import HolderKind, SyncStatus, VMDisk
from replication.models import (
    REPLICATION,
    DiskStatus,
    InvalidReason,
    ReplicationJob,
    ReplicationType,
    VolumeStatus,
)

COMPLETED = "pending running replicating completed"
DISK_STATUS = {
    "replicating": DiskStatus.RUNNING,
    "completed": DiskStatus.COMPLETED,
    "failed": DiskStatus.FAILED,
}
SYNC_STATUS = {
    DiskStatus.RUNNING: SyncStatus.SYNCING,
    DiskStatus.COMPLETED: SyncStatus.COMPLETED,
    DiskStatus.FAILED: SyncStatus.FAILED,
}


def replicate(
    part: Part,
    begin: datetime,
    statuses: str = COMPLETED,
    *,
    minutes: float = 4,
    reason: str | None = None,
    copied: float = 0.63,
    heartbeat_at: datetime | None = None,
    **values: Any,
) -> ReplicationJob:
    """A run through these statuses; `reason` is why it failed or was cancelled, `copied` how much a live one has done.

    It is an incremental one if every disk has a base. Unless `heartbeat_at` says otherwise, its engine is alive.
    """
    line = timeline(REPLICATION, statuses, begin, minutes=minutes)
    is_full = not all(_has_base(part, disk) for disk in part.disks)
    total = None if any(disk.capacity_bytes is None for disk in part.disks) else _capacity(part.disks)
    share = {"replicating": copied, "completed": 1.0}.get(line.status)
    job = ReplicationJobFactory.build(
        vm_context=part.vm,
        target=part.target,
        replication_type=ReplicationType.INITIAL if is_full else ReplicationType.INCREMENTAL,
        type_reason="At least one disk has no base." if is_full else "Every disk has a base.",
        snapshot_at=line.at("replicating"),
        progress_percent=None if share is None else round(100 * share, 1),
        bytes_total=total,
        bytes_done=None if share is None or total is None else int(total * share),
        error_message=reason if line.status == "failed" else None,
        created_by="schedule" if not is_full else "operator",
        **line.job_fields() | values,
    )
    part.replications.append(job)
    part.add(job)
    part.extend(line.events(HolderKind.REPLICATION, job.id, part.vm.pk, by=job.created_by, reason=reason))
    part.claim_for(
        HolderKind.REPLICATION,
        job.id,
        taken_at=line.begin,
        heartbeat_at=heartbeat_at or (chance.ago(seconds=20) if line.started_at else line.begin),
        held=line.is_active,
    )
    for disk in part.disks:
        _copy(part, job, disk, line, copied)
    return job


def _has_base(part: Part, disk: VMDisk) -> bool:
    base = part.bases.get(disk.device_key)
    return base is not None and base.capacity_bytes == disk.capacity_bytes


def _copy(part: Part, job: ReplicationJob, disk: VMDisk, line: Timeline, copied: float) -> None:
    """What the job did to one disk. The disk's own columns follow."""
    status = DISK_STATUS.get(line.status, DiskStatus.PENDING)
    capacity = disk.capacity_bytes or 0
    synced = {DiskStatus.COMPLETED: capacity, DiskStatus.RUNNING: int(capacity * copied)}.get(status, 0)
    base = part.bases.get(disk.device_key)
    disk.job = job
    if status in SYNC_STATUS:
        disk.sync_status, disk.bytes_synced = SYNC_STATUS[status], synced
        disk.sync_progress_percent = round(100 * synced / capacity, 1) if capacity else 0
    if line.started_at:
        made = VolumeStatus.CREATING if line.status == "running" else VolumeStatus.ATTACHED
        part.volume_of(disk, status=made)
    new = None
    if status == DiskStatus.COMPLETED:
        new = _commit(part, job, disk, available_at=line.end)
    part.add(
        ReplicationDiskFactory.build(
            job=job,
            vm_disk=disk,
            status=status,
            bytes_synced=synced,
            base_change_id=base.change_id if base and job.replication_type == ReplicationType.INCREMENTAL else None,
            new_change_id=new,
            created_at=line.begin,
        )
    )


def _commit(part: Part, job: ReplicationJob, disk: VMDisk, *, available_at: datetime) -> str:
    key = disk.device_key
    base = part.bases.get(key)
    if base:
        base.is_current = None
    generation = part.generations[key] = part.generations.get(key, 0) + 1
    tracking = part.tracking.setdefault(key, chance.uuid())
    change_id = ChangeIdFactory.build(
        vm_disk=disk,
        job=job,
        generation=generation,
        change_id=chance.change_id(generation * 7, tracking),
        base_change_id=base.change_id if base and job.replication_type == ReplicationType.INCREMENTAL else None,
        snapshot_at=job.snapshot_at,
        committed_at=available_at,
        created_at=job.snapshot_at,
    )
    part.bases[key] = change_id
    part.add(change_id)
    disk.disk_change_id = change_id.change_id
    return str(change_id.change_id)


def invalidate(part: Part, reason: InvalidReason, at: datetime) -> None:
    """The bases of all disks count no more; the next run is a full one."""
    for disk in part.disks:
        if base := part.bases.pop(disk.device_key, None):
            base.invalidated_at, base.invalid_reason, base.is_current = at, reason, None
            disk.disk_change_id = None


def keep_current(part: Part, *hours_ago: float) -> None:
    """A first run and the incremental ones after it, so many hours ago each."""
    for hours in hours_ago:
        replicate(part, chance.now() - timedelta(hours=hours), minutes=3)


def _capacity(disks: list[VMDisk]) -> int:
    return sum(disk.capacity_bytes or 0 for disk in disks)
