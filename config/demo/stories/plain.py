"""The histories of the VMs that are made in bulk: plain rows, because factories take ten times as long."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from backups.models import (
    BackupDisk,
    BackupDiskStatus,
    BackupJob,
    BackupPolicy,
    BackupRepository,
    BackupStatus,
    BackupType,
)
from config.demo.chance import chance
from config.demo.ledger import Ledger
from config.demo.stories.backups import COMPLETED as BACKED_UP
from config.demo.stories.replication import COMPLETED as REPLICATED
from config.jobs.models import JobEvent
from inventory.identifiers import stamp
from inventory.models import (
    HolderKind,
    OperationClaim,
    SyncStatus,
    VMContext,
    VMDisk,
)
from replication.models import (
    ChangeId,
    DiskStatus,
    ReplicationDisk,
    ReplicationJob,
    ReplicationStatus,
    ReplicationType,
    Target,
    TargetVolume,
    VolumeStatus,
    VolumeType,
)


def replicated(vm: VMContext, claim: OperationClaim, disks: list[VMDisk], target: Target, ledger: Ledger) -> None:
    """One completed first run."""
    begin = chance.ago(hours=chance.random.uniform(1, 30))
    started = begin + timedelta(minutes=1)
    copying, end = begin + timedelta(minutes=2), begin + timedelta(minutes=25)
    total = sum(disk.capacity_bytes or 0 for disk in disks)
    job = ReplicationJob(
        id=chance.identifier("job", stamp(begin)),
        vm_context=vm,
        target=target,
        replication_type=ReplicationType.INITIAL,
        type_reason="At least one disk has no base.",
        status=ReplicationStatus.COMPLETED,
        source_vm_name=vm.name,
        source_vm_path=vm.path,
        snapshot_at=copying,
        progress_percent=100,
        bytes_done=total,
        bytes_total=total,
        progress_at=end,
        started_at=started,
        completed_at=end,
        engine="engine-1",
        created_by="operator",
        created_at=begin,
    )
    claim.fence += 1
    ledger.add(job, *_events(REPLICATED, HolderKind.REPLICATION, job.id, vm, (begin, started, copying, end)))
    for disk in disks:
        ledger.add(*_copied(vm, disk, job, target))


def _copied(
    vm: VMContext, disk: VMDisk, job: ReplicationJob, target: Target
) -> Iterator[ReplicationDisk | ChangeId | TargetVolume]:
    change_id, capacity = chance.change_id(7), disk.capacity_bytes or 0
    disk.job, disk.disk_change_id = job, change_id
    disk.sync_status, disk.sync_progress_percent, disk.bytes_synced = SyncStatus.COMPLETED, 100, capacity
    yield ReplicationDisk(
        job=job,
        vm_disk=disk,
        status=DiskStatus.COMPLETED,
        bytes_total=capacity,
        bytes_synced=capacity,
        new_change_id=change_id,
        created_at=job.created_at,
    )
    yield ChangeId(
        vm_disk=disk,
        job=job,
        generation=1,
        change_id=change_id,
        capacity_bytes=capacity,
        sync_success=True,
        bytes_synced=capacity,
        snapshot_at=job.snapshot_at or job.created_at,
        committed_at=job.completed_at,
        is_current=True,
        created_at=job.created_at,
    )
    yield TargetVolume(
        target=target,
        vm_disk=disk,
        volume_id=chance.uuid(),
        volume_name=f"{vm.name}-{disk.disk_id}",
        size_bytes=capacity,
        volume_type=VolumeType.ROOT if disk.unit_number == 0 else VolumeType.DATADISK,
        status=VolumeStatus.ATTACHED,
        created_at=job.created_at,
    )


def backed_up(
    vm: VMContext,
    claim: OperationClaim,
    disks: list[VMDisk],
    repository: BackupRepository,
    policy: BackupPolicy,
    ledger: Ledger,
) -> None:
    """One completed full back-up."""
    begin = chance.ago(hours=chance.random.uniform(31, 50))
    reading, end = begin + timedelta(minutes=1), begin + timedelta(minutes=18)
    total = sum(disk.capacity_bytes or 0 for disk in disks)
    job = BackupJob(
        id=chance.identifier("backup", vm.name, stamp(begin)),
        vm_context=vm,
        repository=repository,
        policy=policy,
        backup_type=BackupType.FULL,
        type_reason="There is no back-up to build on.",
        status=BackupStatus.COMPLETED,
        snapshot_at=reading,
        progress_percent=100,
        bytes_done=total,
        bytes_total=total,
        progress_at=end,
        started_at=reading,
        completed_at=end,
        engine="engine-1",
        created_by="schedule",
        created_at=begin,
    )
    claim.fence += 1
    ledger.add(job, *_events(BACKED_UP, HolderKind.BACKUP, job.id, vm, (begin, reading, end)))
    for disk in disks:
        ledger.add(
            BackupDisk(
                job=job,
                vm_disk=disk,
                disk_id=disk.disk_id,
                status=BackupDiskStatus.COMPLETED,
                path=f"{job.id}/{disk.disk_id}.img",
                capacity_bytes=disk.capacity_bytes,
                bytes_stored=(disk.capacity_bytes or 0) // 3,
                change_id=chance.change_id(3),
                checksum=f"sha256:{chance.hex(64)}",
                created_at=begin,
            )
        )


def _events(
    statuses: str, kind: HolderKind, job_id: str, vm: VMContext, times: tuple[datetime, ...]
) -> Iterator[JobEvent]:
    before = None
    for status, at in zip(statuses.split(), times, strict=True):
        yield JobEvent(
            at=at,
            job_kind=kind,
            job_id=job_id,
            vm_context_id=vm.context_id,
            from_status=before,
            to_status=status,
            actor="engine-1" if before else "schedule",
        )
        before = status
