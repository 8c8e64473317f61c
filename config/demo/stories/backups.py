"""Back-up and restore jobs."""

from datetime import datetime, timedelta
from typing import Any

from backups.models import BACKUP, RESTORE, BackupDiskStatus, BackupJob, BackupType, RestoreJob
from config.demo.chance import chance
from config.demo.factories import (
    BackupDiskFactory,
    BackupJobFactory,
    BackupScheduleFactory,
    BackupSlotFactory,
    RestoreJobFactory,
)
from config.demo.stories.part import Part
from config.demo.stories.timeline import timeline
from config.jobs.slots import Outcome
from inventory.models import HolderKind

COMPLETED = "pending running completed"


def back_up(
    part: Part,
    begin: datetime,
    statuses: str = COMPLETED,
    *,
    parent: BackupJob | None = None,
    minutes: float = 6,
    reason: str | None = None,
    **values: Any,
) -> BackupJob:
    """A back-up through these statuses, incremental if it has a parent."""
    line = timeline(BACKUP, statuses, begin, minutes=minutes)
    share = {"running": 0.35, "completed": 1.0}.get(line.status)
    total = sum(disk.capacity_bytes or 0 for disk in part.disks)
    job = BackupJobFactory.build(
        vm_context=part.vm,
        repository=part.repository,
        policy=part.policy,
        parent=parent,
        backup_type=BackupType.INCREMENTAL if parent else BackupType.FULL,
        type_reason="Every disk has a back-up with a change id." if parent else "There is no back-up to build on.",
        snapshot_at=line.at("running") if line.status == "completed" else None,
        progress_percent=None if share is None else 100 * share,
        bytes_total=total,
        bytes_done=None if share is None else int(total * share),
        error_message=reason if line.status == "failed" else None,
        created_by="schedule",
        **line.job_fields() | values,
    )
    part.backups.append(job)
    part.add(job)
    part.extend(line.events(HolderKind.BACKUP, job.id, part.vm.pk, by="schedule", reason=reason))
    part.claim_for(
        HolderKind.BACKUP,
        job.id,
        taken_at=line.begin,
        heartbeat_at=chance.ago(seconds=15) if line.started_at else line.begin,
        held=line.is_active,
    )
    _copy_disks(part, job)
    return job


def _copy_disks(part: Part, job: BackupJob) -> None:
    """The copies of the disks, in order: a job that runs or has failed is at the first one."""
    bases = {copy.disk_id: copy.change_id for copy in part.copies[job.parent.id]} if job.parent else {}
    at_first = {"running": BackupDiskStatus.RUNNING, "failed": BackupDiskStatus.FAILED}
    for number, disk in enumerate(part.disks):
        status = BackupDiskStatus.PENDING
        if job.status == "completed":
            status = BackupDiskStatus.COMPLETED
        elif number == 0:
            status = at_first.get(job.status, status)
        copy = BackupDiskFactory.build(
            job=job,
            vm_disk=disk,
            status=status,
            base_change_id=bases.get(disk.disk_id),
            created_at=job.created_at,
            **({"bytes_stored": (disk.capacity_bytes or 0) // 40} if status == "completed" and job.parent else {}),
        )
        part.copies.setdefault(job.id, []).append(copy)
        part.add(copy)


def restore(
    part: Part,
    backup: BackupJob,
    begin: datetime,
    statuses: str,
    *,
    mount: bool = False,
    minutes: float = 5,
    reason: str | None = None,
    **values: Any,
) -> RestoreJob:
    """A restore of a whole restore point, or a mount of its first disk, to somewhere else.

    It reads a copy and does not touch the VM, so it takes no claim: the claim is for the three kinds of job that work
    on the VM itself.
    """
    line = timeline(RESTORE, statuses, begin, minutes=minutes)
    job = RestoreJobFactory.build(
        backup=backup,
        mode="mount" if mount else "restore",
        backup_disk=part.copies[backup.id][0] if mount else None,
        error_message=reason if line.status == "failed" else None,
        created_by="operator",
        **line.job_fields() | values,
    )
    part.add(job)
    part.extend(line.events("restore", job.id, part.vm.pk, by="operator", reason=reason))
    return job


def by_the_clock(part: Part, newest: BackupJob) -> None:
    """A schedule that made the newest back-up, after a night on which no worker looked."""
    schedule = BackupScheduleFactory.build(
        vm_context=part.vm, repository=part.repository, policy=part.policy, created_at=chance.ago(days=30)
    )
    part.add(schedule)
    slots = (
        (newest.created_at, Outcome.STARTED, newest),
        (newest.created_at - timedelta(days=1), Outcome.MISSED, None),
    )
    for at, outcome, job in slots:
        part.add(
            BackupSlotFactory.build(
                schedule=schedule,
                slot_at=at,
                outcome=outcome,
                job=job,
                reason=None if job else "No worker looked at that time.",
                created_at=newest.created_at,
            )
        )
