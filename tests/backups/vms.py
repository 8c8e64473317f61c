"""VMs with disks, and back-ups of them made as an engine makes them."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from backups.models import BackupJob
from backups.services.reporting import record_disk, record_snapshot
from backups.services.starting import create_backup
from config.demo.factories import BackupRepositoryFactory, VMContextFactory, VMDiskFactory
from config.jobs.engines import complete, take_next
from config.jobs.moves import By

PERSON, ENGINE = By("anna", "request-1"), By("engine key", "request-2")
TRACKING = "52dec0d9-b943-9d10-61d5-4c1be97b65ea"


def vm_with_disks(count: int = 2, **columns: Any) -> Any:
    vm = VMContextFactory.create(**columns)
    for number in range(count):
        VMDiskFactory.create(vm_context=vm, device_key=2000 + number, created_at=timezone.now() - timedelta(days=900))
    return vm


def repository_of(vm: Any, **columns: Any) -> Any:
    return BackupRepositoryFactory.create(organization=vm.vcenter.organization, **columns)


def taken(job: BackupJob) -> int:
    """The fence of the engine that has just taken the job."""
    got = take_next([job.KIND], engine="engine-1", by=ENGINE)
    assert got is not None and got.job.pk == job.pk
    return got.fence


def copied(job: BackupJob, fence: int, number: int, *, at: datetime | None = None) -> None:
    """Report the snapshot, and a complete copy of each disk with the change id of this number."""
    record_snapshot(job.id, fence, at or timezone.now())
    for copy in job.disks.order_by("disk_id"):
        below = job.parent.disks.get(vm_disk=copy.vm_disk).change_id if job.parent else None
        record_disk(
            job.id,
            fence,
            copy.disk_id,
            status="completed",
            bytes_stored=1000 + number,
            change_id=f"{TRACKING}/{number}",
            base_change_id=below,
            path=f"{job.id}/{copy.disk_id}",
            checksum="sha256:00",
        )


def backed_up(vm: Any, repository: Any, number: int = 1, *, at: datetime | None = None, **asked: Any) -> BackupJob:
    """A back-up from its creation to its end."""
    job = create_backup(vm, repository, by=PERSON, **asked)
    fence = taken(job)
    copied(job, fence, number, at=at)
    ended: BackupJob = complete(job.id, fence, by=ENGINE)
    return ended
