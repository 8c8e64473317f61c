"""Repositories, policies, backup jobs and restore jobs."""

from factory import LazyAttribute, LazyFunction, Maybe, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from backups.models import (
    BACKUP,
    RESTORE,
    BackupDisk,
    BackupDiskStatus,
    BackupJob,
    BackupPolicy,
    BackupRepository,
    BackupSchedule,
    BackupSlot,
    BackupStatus,
    BackupType,
    RestoreJob,
    RestoreMode,
    RestoreStatus,
)
from backups.models.stores import RepositoryKind
from config.demo.chance import chance
from config.demo.factories.inventory import VMContextFactory, VMDiskFactory
from config.demo.factories.jobs import JobFactory
from config.demo.factories.tenancy import OrganizationFactory
from config.jobs.slots import Outcome
from inventory.identifiers import slug, stamp


class BackupRepositoryFactory(DjangoModelFactory):
    class Meta:
        model = BackupRepository

    organization = SubFactory(OrganizationFactory)
    name = Sequence(lambda n: f"repository {n}")
    kind = RepositoryKind.DIRECTORY
    location = "/srv/backups"


class BackupPolicyFactory(DjangoModelFactory):
    class Meta:
        model = BackupPolicy

    organization = SubFactory(OrganizationFactory)
    name = Sequence(lambda n: f"policy {n}")
    keep_last = 3
    keep_daily = 7


class BackupJobFactory(JobFactory):
    """A full back-up; an incremental one makes a completed full one as its parent unless that is given."""

    class Meta:
        model = BackupJob

    class Params:
        lifecycle = BACKUP
        is_incremental = LazyAttribute(lambda made: made.backup_type == BackupType.INCREMENTAL)

    status = BackupStatus.PENDING
    id = LazyAttribute(lambda made: chance.identifier("backup", slug(made.vm_context.name), stamp(made.created_at)))
    vm_context = SubFactory(VMContextFactory)
    repository = SubFactory(BackupRepositoryFactory, organization=SelfAttribute("..vm_context.vcenter.organization"))
    policy = None
    backup_type = BackupType.FULL
    parent = Maybe(
        "is_incremental",
        SubFactory(
            "config.demo.factories.BackupJobFactory",
            vm_context=SelfAttribute("..vm_context"),
            repository=SelfAttribute("..repository"),
            status=BackupStatus.COMPLETED,
        ),
    )
    snapshot_at = LazyAttribute(lambda made: made.started_at if made.status == BackupStatus.COMPLETED else None)


class BackupDiskFactory(DjangoModelFactory):
    class Meta:
        model = BackupDisk

    class Params:
        is_complete = LazyAttribute(lambda made: made.status == BackupDiskStatus.COMPLETED)

    job = SubFactory(BackupJobFactory)
    vm_disk = SubFactory(VMDiskFactory, vm_context=SelfAttribute("..job.vm_context"))
    disk_id = SelfAttribute("vm_disk.disk_id")
    status = BackupDiskStatus.PENDING
    capacity_bytes = SelfAttribute("vm_disk.capacity_bytes")
    path = LazyAttribute(lambda made: f"{made.job.id}/{made.disk_id}.img" if made.is_complete else None)
    bytes_stored = LazyAttribute(lambda made: (made.capacity_bytes or 0) // 3 if made.is_complete else None)
    change_id = LazyAttribute(lambda made: chance.change_id(1) if made.is_complete else None)
    checksum = LazyAttribute(lambda made: f"sha256:{chance.hex(64)}" if made.is_complete else None)


class RestoreJobFactory(JobFactory):
    """A restore of all disks; `mode="mount"` mounts one disk instead."""

    class Meta:
        model = RestoreJob

    class Params:
        lifecycle = RESTORE
        is_mount = LazyAttribute(lambda made: made.mode == RestoreMode.MOUNT)

    status = RestoreStatus.PENDING
    id = LazyAttribute(
        lambda made: chance.identifier("restore", slug(made.backup.vm_context.name), stamp(made.created_at))
    )
    backup = SubFactory(BackupJobFactory, status=BackupStatus.COMPLETED)
    mode = LazyAttribute(
        lambda made: (
            RestoreMode.MOUNT
            if made.status in (RestoreStatus.MOUNTED, RestoreStatus.UNMOUNTED)
            else RestoreMode.RESTORE
        )
    )
    backup_disk = Maybe(
        "is_mount", SubFactory(BackupDiskFactory, job=SelfAttribute("..backup"), status=BackupDiskStatus.COMPLETED)
    )
    destination = LazyAttribute(lambda made: "/mnt/restore" if made.is_mount else "/srv/restored")
    is_active_mount = LazyAttribute(lambda made: True if made.is_mount and made.status in RESTORE.active else None)


class BackupScheduleFactory(DjangoModelFactory):
    class Meta:
        model = BackupSchedule

    vm_context = SubFactory(VMContextFactory)
    repository = SubFactory(BackupRepositoryFactory, organization=SelfAttribute("..vm_context.vcenter.organization"))
    schedule = "0 1 * * *"


class BackupSlotFactory(DjangoModelFactory):
    class Meta:
        model = BackupSlot

    schedule = SubFactory(BackupScheduleFactory)
    vm_context = SelfAttribute("schedule.vm_context")
    slot_at = LazyFunction(lambda: chance.now())
    outcome = Outcome.SKIPPED
    reason = LazyAttribute(lambda made: None if made.outcome == Outcome.STARTED else "Its VM runs at the target.")
