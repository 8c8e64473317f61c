"""Replication jobs: how one begins, what it reports of each disk, and what becomes of the disks at its end."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from config.jobs.claims import lock_vm
from config.jobs.engines import held_job
from config.jobs.kinds import Kind
from config.jobs.moves import By, change, create_job
from config.refusals import Conflict, Invalid, NotFound
from config.schema.fields import UtcNow
from config.transactions import whole
from inventory.models import Site, SyncStatus, VMDisk
from replication.models import (
    REPLICATION,
    DiskStatus,
    Protection,
    ReplicationDisk,
    ReplicationJob,
    ReplicationStatus,
    ReplicationType,
    Target,
    new_replication_id,
)
from replication.next_run import NextRun, next_run
from replication.services.change_ids import commit_change_id

CLOCKS_DIFFER_SECONDS = 300
"""By how much the clock of a source may be ahead of ours."""
SYNC_STATUS = {
    DiskStatus.RUNNING.value: SyncStatus.SYNCING.value,
    DiskStatus.COMPLETED.value: SyncStatus.COMPLETED.value,
    DiskStatus.FAILED.value: SyncStatus.FAILED.value,
}
"""What a disk shows of its copy; while one only waits for its turn, what was there before stays."""
FOLLOWS = {
    DiskStatus.PENDING.value: set(DiskStatus.values),
    DiskStatus.RUNNING.value: {DiskStatus.RUNNING.value, DiskStatus.COMPLETED.value, DiskStatus.FAILED.value},
    DiskStatus.COMPLETED.value: {DiskStatus.COMPLETED.value},
    DiskStatus.FAILED.value: {DiskStatus.FAILED.value, DiskStatus.RUNNING.value},
}


@whole
def create_replication(
    vm: Any, *, by: By, run_type: str = "auto", target: Target | None = None, reason: str | None = None
) -> ReplicationJob:
    """Let a VM be copied to its target: that of its protection, unless another of its organisation is given.

    `run_type` is auto, initial or incremental. Raises ClaimHeld, and Invalid where the VM cannot be replicated or not
    incrementally.
    """
    lock_vm(vm.pk)
    vm.refresh_from_db(fields=("archived_at", "runs_at"))
    target = target or _target_of(vm)
    _refuse(vm, target)
    run = _chosen(next_run(vm, target), run_type)

    def new() -> ReplicationJob:
        return ReplicationJob(
            id=new_replication_id(),
            vm_context=vm,
            target=target,
            replication_type=run.type,
            type_reason=run.reason,
            source_vm_name=vm.name,
            source_vm_path=vm.path,
        )

    job: ReplicationJob = create_job(new, by=by, reason=reason)
    ReplicationDisk.objects.bulk_create(
        ReplicationDisk(job=job, vm_disk=disk, base_change_id=run.bases.get(disk.pk), bytes_total=_total(run, disk))
        for disk in run.disks
    )
    VMDisk.objects.filter(vm_context=vm, removed_at=None).update(job=job, updated_at=UtcNow())
    return job


@whole
def record_disk(
    job_id: str,
    fence: int,
    disk_id: str,
    *,
    status: str,
    bytes_synced: int | None = None,
    change_id: str | None = None,
    base_change_id: str | None = None,
    organization: Any = None,
) -> ReplicationDisk:
    """Say how the copy of one disk stands. A completed one has the change id that was read before the copy.

    Repeated, it changes nothing. Raises StaleFence, JobEnded, NotFound for a disk that is not of this job, Conflict
    where the copy was built on another base than the current one, Invalid.
    """
    job = held_job(job_id, fence, organization, ReplicationJob)
    row = _disk_of(job, disk_id)
    if status == DiskStatus.COMPLETED and row.status == DiskStatus.COMPLETED:
        if change_id != row.new_change_id:
            raise Conflict(f"{disk_id} is completed with another change id, and stays so.", code="disk_completed")
        return row
    _write(row, status, bytes_synced)
    if status == DiskStatus.COMPLETED:
        _complete(job, row, change_id, base_change_id)
    return row


class Replication(Kind):
    model = ReplicationJob
    begins_with = ReplicationStatus.RUNNING.value

    def record_disk(
        self, job_id: str, fence: int, disk_id: str, said: Mapping[str, Any], organization: Any
    ) -> Mapping[str, Any]:
        if strange := {"path", "checksum"} & set(said):
            raise Invalid(f"A replication says no {' or '.join(sorted(strange))}: leave it out.")
        row = record_disk(
            job_id,
            fence,
            disk_id,
            status=said["status"],
            bytes_synced=said.get("bytes"),
            change_id=said.get("change_id"),
            base_change_id=said.get("base_change_id"),
            organization=organization,
        )
        return _as_reported(row)

    def work(self, job: Any) -> Mapping[str, Any]:
        rows = job.disks.select_related("vm_disk").order_by("vm_disk__device_key")
        return {"type": job.replication_type, "builds_on": None, "disks": [_as_reported(row) for row in rows]}

    def record_snapshot(self, job_id: str, fence: int, at: datetime, organization: Any) -> None:
        """Say which instant of the source the run copies, once, and before any of its disks is completed."""
        job = held_job(job_id, fence, organization, ReplicationJob)
        if job.snapshot_at == at:
            return
        if job.snapshot_at is not None:
            raise Conflict(f"Job {job_id} copies another snapshot, and stays with it.", code="other_snapshot")
        if (at - timezone.now()).total_seconds() > CLOCKS_DIFFER_SECONDS:
            raise Invalid(
                f"The snapshot is of {at:%Y-%m-%dT%H:%M:%SZ}, which is still to come: set the engine's clock."
            )
        change(job, snapshot_at=at)

    def check(self, job: Any, field: str, to: str) -> None:
        """A job is completed only when each of its disks is. Raises Conflict, which names one that is not."""
        if to != ReplicationStatus.COMPLETED:
            return
        open_ = job.disks.exclude(status=DiskStatus.COMPLETED).select_related("vm_disk").order_by("vm_disk__device_key")
        if row := open_.first():
            raise Conflict(f"{row.vm_disk.disk_id} is {row.status}: say that it is completed first.", code="disk_open")

    def columns(self, job: Any, field: str, to: str) -> Mapping[str, Any]:
        """Where the engine does not say when it took its snapshot, it was not before it took the job."""
        if to == ReplicationStatus.REPLICATING and job.snapshot_at is None:
            return {"snapshot_at": job.started_at}
        return {"progress_percent": 100.0} if to == ReplicationStatus.COMPLETED else {}

    def moved(self, job: Any, field: str, before: str, by: str) -> None:
        """What was being copied when a job ended otherwise was not copied."""
        if job.status in REPLICATION.terminal and job.status != ReplicationStatus.COMPLETED:
            for row in job.disks.filter(status=DiskStatus.RUNNING).select_related("vm_disk"):
                _write(row, DiskStatus.FAILED.value, None)

    def report(self, job: Any, disks: Iterable[Mapping[str, Any]]) -> None:
        """Write how many bytes of each disk are copied; that one is completed is said with its change id instead."""
        for said in disks:
            row = _disk_of(job, said["disk_id"])
            status = said.get("status") or DiskStatus.RUNNING.value
            if status not in (DiskStatus.PENDING.value, DiskStatus.RUNNING.value):
                raise Invalid(f"{said['disk_id']}: a report of progress says pending or running, not {status}.")
            if row.status not in (DiskStatus.COMPLETED, DiskStatus.FAILED):
                _write(row, status, said.get("bytes_synced"))


def _as_reported(row: ReplicationDisk) -> dict[str, Any]:
    return {
        "disk_id": row.vm_disk.disk_id,
        "status": row.status,
        "bytes": row.bytes_synced,
        "base_change_id": row.base_change_id,
        "change_id": row.new_change_id,
    }


def _target_of(vm: Any) -> Target:
    protection = Protection.objects.filter(vm_context=vm).select_related("target").first()
    if protection is None:
        raise Invalid(f"{vm.name} is not protected: protect it, or name a target.", code="no_target")
    return protection.target


def _refuse(vm: Any, target: Target) -> None:
    if target.organization_id != vm.vcenter.organization_id:
        raise NotFound(f"There is no target {target.pk}.")
    if vm.archived_at is not None:
        raise Invalid(f"{vm.name} is archived: restore it to management first.", code="archived")
    if vm.runs_at != Site.SOURCE:
        raise Invalid(
            f"{vm.name} runs at the target since its failover: protect it again, or set it back, first.",
            code="runs_at_target",
        )


def _chosen(run: NextRun, run_type: str) -> NextRun:
    if not run.disks:
        raise Invalid("The VM has no disk: discover it again.", code="no_disks")
    if run_type == "auto" or run_type == run.type:
        return run
    if run_type == ReplicationType.INCREMENTAL:
        raise Invalid(f"An incremental run is not possible. {run.reason}", code="not_incremental")
    if run_type != ReplicationType.INITIAL:
        raise Invalid(f"{run_type} is no type of replication: say auto, initial or incremental.")
    return NextRun(ReplicationType.INITIAL, "It was asked for.", run.disks, {})


def _total(run: NextRun, disk: VMDisk) -> int | None:
    """How much an incremental run will copy is unknown until it has read what changed."""
    return disk.capacity_bytes if run.type == ReplicationType.INITIAL else None


def _disk_of(job: Any, disk_id: str) -> ReplicationDisk:
    row = ReplicationDisk.objects.select_related("vm_disk").filter(job=job, vm_disk__disk_id=disk_id).first()
    if row is None:
        known = ", ".join(job.disks.order_by("vm_disk__device_key").values_list("vm_disk__disk_id", flat=True))
        raise NotFound(f"Job {job.public_id} copies no disk {disk_id}; it copies {known}.", code="no_such_disk")
    return row


def _write(row: ReplicationDisk, status: str, bytes_synced: int | None) -> None:
    """Write the history row and, as it is the newest of its disk, what the disk shows of its copy."""
    if status not in FOLLOWS[row.status]:
        if status in FOLLOWS:
            raise Conflict(f"{row.vm_disk.disk_id} is {row.status}, which is not followed by {status}.")
        raise Invalid(f"{status} is no status of a disk: say {', '.join(FOLLOWS)}.")
    synced = row.bytes_synced if bytes_synced is None else bytes_synced
    if synced < 0 or (row.bytes_total is not None and synced > row.bytes_total):
        raise Invalid(f"{row.vm_disk.disk_id}: {synced} of {row.bytes_total} bytes: no more is copied than there is.")
    row.status, row.bytes_synced = status, synced
    row.save(update_fields=["status", "bytes_synced", "updated_at"])
    if status in SYNC_STATUS:
        VMDisk.objects.filter(pk=row.vm_disk_id, job_id=row.job_id).update(
            sync_status=SYNC_STATUS[status],
            bytes_synced=synced,
            sync_progress_percent=_percent(row, synced),
            updated_at=UtcNow(),
        )


def _percent(row: ReplicationDisk, synced: int) -> float:
    if row.status == DiskStatus.COMPLETED:
        return 100.0
    total = row.bytes_total or row.vm_disk.capacity_bytes
    return round(min(100.0, 100 * synced / total), 1) if total else 0.0


def _complete(job: Any, row: ReplicationDisk, change_id: str | None, base: str | None) -> None:
    if base != row.base_change_id:
        wanted = f"on the base {row.base_change_id}" if row.base_change_id else "as a whole"
        raise Conflict(
            f"{row.vm_disk.disk_id} was to be copied {wanted}, not on {base}: discard that copy, and run again.",
            code="base_conflict",
        )
    snapshot_at: datetime | None = job.snapshot_at or job.started_at
    if snapshot_at is None:
        raise Conflict(f"Job {job.public_id} has not begun: take it first.")
    commit_change_id(
        row.vm_disk, job, change_id=change_id, base=base, snapshot_at=snapshot_at, bytes_synced=row.bytes_synced
    )
    row.new_change_id = change_id
    row.save(update_fields=["new_change_id", "updated_at"])
