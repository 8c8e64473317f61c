"""Targets, protections, replication jobs and change ids."""

from typing import Any

from factory import LazyAttribute, LazyFunction, Maybe, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from config.demo.chance import chance
from config.demo.factories.inventory import VMContextFactory, VMDiskFactory
from config.demo.factories.jobs import JobFactory
from config.demo.factories.tenancy import OrganizationFactory
from config.jobs.slots import Outcome
from inventory.identifiers import slug, stamp
from replication.models import (
    REPLICATION,
    ChangeId,
    DiskStatus,
    Isolation,
    Protection,
    ReplicationDisk,
    ReplicationJob,
    ReplicationSlot,
    ReplicationStatus,
    ReplicationType,
    Target,
    TargetNetwork,
    TargetVolume,
    VolumeStatus,
    VolumeType,
)


class TargetFactory(DjangoModelFactory):
    class Meta:
        model = Target

    organization = SubFactory(OrganizationFactory)
    name = Sequence(lambda n: f"cloud-{n}")
    api_url = LazyAttribute(lambda made: f"https://{slug(made.name)}.example.com/client/api")
    zone = "zone-1"


def target_of_vm() -> SubFactory:
    """A target of the organisation of the row's VM."""
    return SubFactory(TargetFactory, organization=SelfAttribute("..vm_context.vcenter.organization"))


class TargetNetworkFactory(DjangoModelFactory):
    class Meta:
        model = TargetNetwork

    target = SubFactory(TargetFactory)
    external_id = LazyFunction(chance.uuid)
    name = Sequence(lambda n: f"network-{n}")
    isolation = Isolation.ISOLATED


class TargetVolumeFactory(DjangoModelFactory):
    """The volume that holds the copy of a new disk."""

    class Meta:
        model = TargetVolume

    vm_disk = SubFactory(VMDiskFactory)
    target = Maybe(
        "vm_disk",
        SubFactory(TargetFactory, organization=SelfAttribute("..vm_disk.vm_context.vcenter.organization")),
        SubFactory(TargetFactory),
    )
    volume_id = LazyFunction(chance.uuid)
    volume_name = LazyAttribute(
        lambda made: (
            f"{made.vm_disk.vm_context.name}-{made.vm_disk.disk_id}" if made.vm_disk else f"vol-{made.volume_id}"
        )
    )
    size_bytes = LazyAttribute(lambda made: made.vm_disk.capacity_bytes if made.vm_disk else None)
    volume_type = VolumeType.DATADISK
    status = LazyAttribute(lambda made: VolumeStatus.ATTACHED if made.vm_disk else VolumeStatus.AVAILABLE)


class ProtectionFactory(DjangoModelFactory):
    class Meta:
        model = Protection

    vm_context = SubFactory(VMContextFactory)
    target = target_of_vm()
    rpo_seconds = 4 * 3600
    schedule = "0 */2 * * *"


class ReplicationSlotFactory(DjangoModelFactory):
    class Meta:
        model = ReplicationSlot

    vm_context = SubFactory(VMContextFactory)
    slot_at = LazyFunction(lambda: chance.now())
    outcome = Outcome.SKIPPED
    reason = LazyAttribute(lambda made: None if made.outcome == Outcome.STARTED else "Its VM runs at the target.")


class ReplicationJobFactory(JobFactory):
    """A job without rows for its disks; those are `ReplicationDiskFactory(job=..., vm_disk=...)`."""

    class Meta:
        model = ReplicationJob

    class Params:
        lifecycle = REPLICATION

    status = ReplicationStatus.PENDING
    id = LazyAttribute(lambda made: chance.identifier("job", stamp(made.created_at)))
    vm_context = SubFactory(VMContextFactory)
    target = target_of_vm()
    replication_type = ReplicationType.INITIAL
    type_reason = "The first copy."
    source_vm_name = SelfAttribute("vm_context.name")
    source_vm_path = SelfAttribute("vm_context.path")
    snapshot_at = LazyAttribute(lambda made: made.started_at if made.status in ("replicating", "completed") else None)


def bytes_of(made: Any) -> int:
    return {DiskStatus.COMPLETED: made.bytes_total or 0, DiskStatus.RUNNING: (made.bytes_total or 0) // 2}.get(
        made.status, 0
    )


class ReplicationDiskFactory(DjangoModelFactory):
    class Meta:
        model = ReplicationDisk

    job = SubFactory(ReplicationJobFactory)
    vm_disk = SubFactory(VMDiskFactory, vm_context=SelfAttribute("..job.vm_context"))
    status = DiskStatus.PENDING
    bytes_total = SelfAttribute("vm_disk.capacity_bytes")
    bytes_synced = LazyAttribute(bytes_of)
    base_change_id = None
    new_change_id = LazyAttribute(lambda made: chance.change_id(1) if made.status == DiskStatus.COMPLETED else None)


class ChangeIdFactory(DjangoModelFactory):
    """The current change id of a new disk; `is_current=None` for one that another has followed.

    With an `invalid_reason` it is invalid, and so not current.
    """

    class Meta:
        model = ChangeId

    vm_disk = SubFactory(VMDiskFactory)
    job = None
    generation = 1
    change_id = LazyAttribute(lambda made: chance.change_id(made.generation))
    capacity_bytes = SelfAttribute("vm_disk.capacity_bytes")
    sync_success = True
    bytes_synced = SelfAttribute("capacity_bytes")
    snapshot_at = LazyFunction(lambda: chance.ago(hours=1))
    committed_at = LazyAttribute(lambda made: chance.ago(minutes=30) if made.sync_success else None)
    invalid_reason = None
    invalidated_at = LazyAttribute(lambda made: chance.ago(minutes=10) if made.invalid_reason else None)
    is_current = LazyAttribute(lambda made: True if made.committed_at and not made.invalidated_at else None)
