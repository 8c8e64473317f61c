"""Back-up and restore jobs: what they do at the moves that all kinds of job make."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from backups.models import (
    RESTORE,
    BackupDisk,
    BackupDiskStatus,
    BackupJob,
    BackupStatus,
    RestoreJob,
    RestoreMode,
    RestoreStatus,
)
from backups.services.reporting import bases_of, copy_of, record_disk, record_snapshot
from config.jobs.kinds import Kind
from config.jobs.refusals import IllegalMove
from config.refusals import Conflict, Invalid
from inventory.models import VMDisk

MOUNTED = (RestoreStatus.MOUNTED.value, RestoreStatus.UNMOUNTED.value)
AT_WORK = (BackupDiskStatus.PENDING.value, BackupDiskStatus.RUNNING.value)


class Backup(Kind):
    model = BackupJob
    begins_with = BackupStatus.RUNNING.value

    def record_disk(
        self, job_id: str, fence: int, disk_id: str, said: Mapping[str, Any], organization: Any
    ) -> Mapping[str, Any]:
        stored = {"bytes_stored": said["bytes"]} if "bytes" in said else {}
        names = {name: value for name, value in said.items() if name != "bytes"}
        record_disk(job_id, fence, disk_id, organization=organization, **names, **stored)
        copy = BackupDisk.objects.get(job=job_id, disk_id=disk_id)
        return _as_reported(copy, copy.base_change_id)

    def work(self, job: Any) -> Mapping[str, Any]:
        bases = bases_of(job)
        copies = job.disks.order_by("vm_disk__device_key")
        disks = [_as_reported(copy, bases.get(copy.vm_disk_id)) for copy in copies]
        return {"type": job.backup_type, "builds_on": job.parent_id, "disks": disks}

    def record_snapshot(self, job_id: str, fence: int, at: datetime, organization: Any) -> None:
        record_snapshot(job_id, fence, at, organization=organization)

    def check(self, job: Any, field: str, to: str) -> None:
        """It completes only with a complete copy of every disk, and the instant that they hold. Raises Conflict."""
        if to != BackupStatus.COMPLETED:
            return
        if job.snapshot_at is None:
            raise Conflict(f"Say first of which instant the snapshot of job {job.id} is.", code="no_snapshot")
        copies = dict(job.disks.values_list("vm_disk_id", "status"))
        of_then = VMDisk.objects.filter(vm_context=job.vm_context_id, removed_at=None, created_at__lte=job.snapshot_at)
        disks = VMDisk.objects.filter(pk__in=copies) | of_then
        lacking = [
            disk.disk_id for disk in disks.order_by("device_key") if copies.get(disk.pk) != BackupDiskStatus.COMPLETED
        ]
        if lacking or not copies:
            raise Conflict(
                f"Job {job.id} has no complete copy of {', '.join(lacking) or 'any disk'}: copy it, or fail the job.",
                code="disks_incomplete",
                details=[{"disk_id": disk_id} for disk_id in lacking],
            )

    def columns(self, job: Any, field: str, to: str) -> Mapping[str, Any]:
        """What a repository keeps unchanged for some days is locked for as long."""
        days = job.repository.immutable_days
        if to != BackupStatus.COMPLETED or not days:
            return {}
        return {"locked_until": max(filter(None, (job.locked_until, timezone.now() + timedelta(days=days))))}

    def report(self, job: Any, disks: Iterable[Mapping[str, Any]]) -> None:
        """Write how many bytes of each disk are stored; a complete copy stays as it is. Raises NotFound, Invalid."""
        for said in disks:
            stored, status = said.get("bytes_synced"), said.get("status") or BackupDiskStatus.RUNNING.value
            if status not in AT_WORK or (stored is not None and stored < 0):
                raise Invalid(f"A disk in progress is {' or '.join(AT_WORK)}, with at least 0 bytes done.")
            copy = copy_of(job, str(said.get("disk_id")))
            known = {"status": status} | ({} if stored is None else {"bytes_stored": stored})
            BackupDisk.objects.filter(pk=copy.pk).exclude(status=BackupDiskStatus.COMPLETED).update(**known)


def _as_reported(copy: BackupDisk, base: str | None) -> dict[str, Any]:
    said = {"disk_id": copy.disk_id, "status": copy.status, "bytes": copy.bytes_stored}
    return {**said, "base_change_id": base, "change_id": copy.change_id}


class Restore(Kind):
    model = RestoreJob
    begins_with = RestoreStatus.RUNNING.value

    def check(self, job: Any, field: str, to: str) -> None:
        """A mount is mounted and ends by being unmounted, any other restore completes. Raises IllegalMove."""
        other = MOUNTED if job.mode == RestoreMode.RESTORE else (RestoreStatus.COMPLETED.value,)
        if to in other:
            raise IllegalMove(f"Restore job {job.public_id} is a {job.mode}, which is never {to}.")

    def columns(self, job: Any, field: str, to: str) -> Mapping[str, Any]:
        """The disk is free for another mount once this one has ended."""
        return {"is_active_mount": None} if to in RESTORE.terminal else {}

    def success(self, job: Any) -> tuple[str, str]:
        """A mount has succeeded once it is unmounted; that it is mounted is a step on the way."""
        return "status", (RestoreStatus.UNMOUNTED if job.mode == RestoreMode.MOUNT else RestoreStatus.COMPLETED).value
