"""Network mappings, failover jobs, their steps and snapshots."""

from datetime import timedelta

from factory import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from config.demo.chance import chance
from config.demo.factories.inventory import VMContextFactory, VMDiskFactory
from config.demo.factories.jobs import JobFactory
from config.demo.factories.replication import TargetNetworkFactory, TargetVolumeFactory, target_of_vm
from failover.models import (
    ACTIVE_SNAPSHOT,
    AFTERMATH_ENDS,
    FAILOVER,
    Aftermath,
    FailoverJob,
    FailoverStatus,
    FailoverStep,
    NetworkMapping,
    Purpose,
    SnapshotStatus,
    StepStatus,
    VolumeSnapshot,
)
from inventory.identifiers import slug
from replication.models import Isolation

HAS_VM = (FailoverStatus.SWITCHING_VOLUME, FailoverStatus.POWERING_ON, FailoverStatus.COMPLETED)


class NetworkMappingFactory(DjangoModelFactory):
    """A mapping of a new VM to a network of its organisation: isolated for a test, else production."""

    class Meta:
        model = NetworkMapping

    vm_context = SubFactory(VMContextFactory)
    source_network_name = "VM Network"
    purpose = Purpose.TEST
    target_network = SubFactory(
        TargetNetworkFactory,
        target__organization=SelfAttribute("...vm_context.vcenter.organization"),
        isolation=LazyAttribute(
            lambda made: Isolation.ISOLATED if made.factory_parent.purpose == Purpose.TEST else Isolation.PRODUCTION
        ),
    )


class FailoverJobFactory(JobFactory):
    """A test failover; `job_type="live"` for a live one. Completed, its aftermath is due unless another is given."""

    class Meta:
        model = FailoverJob

    class Params:
        lifecycle = FAILOVER

    status = FailoverStatus.PENDING
    vm_context = SubFactory(VMContextFactory)
    target = target_of_vm()
    replication_job = None
    job_type = Purpose.TEST
    job_id = LazyAttribute(
        lambda made: chance.identifier(
            made.job_type,
            "failover",
            slug(made.vm_context.vmware_uuid or made.vm_context.name),
            str(int(made.created_at.timestamp())),
        )
    )
    aftermath = LazyAttribute(lambda made: Aftermath.DUE if made.status == FailoverStatus.COMPLETED else Aftermath.NONE)
    aftermath_since = LazyAttribute(lambda made: made.completed_at if made.aftermath != Aftermath.NONE else None)
    aftermath_completed_at = LazyAttribute(
        lambda made: made.aftermath_since + timedelta(minutes=10) if made.aftermath in AFTERMATH_ENDS else None
    )
    source_vm_name = SelfAttribute("vm_context.name")
    source_vm_spec = LazyAttribute(
        lambda made: {
            "name": made.vm_context.name,
            "cpus": made.vm_context.cpu_count,
            "memory_mb": made.vm_context.memory_mb,
            "os_type": made.vm_context.os_type,
            "power_state": made.vm_context.power_state,
        }
    )
    network_mappings = LazyFunction(dict)
    readiness_findings = LazyFunction(list)
    destination_vm_id = LazyAttribute(lambda made: chance.uuid() if made.status in HAS_VM else None)


class FailoverStepFactory(DjangoModelFactory):
    class Meta:
        model = FailoverStep

    job = SubFactory(FailoverJobFactory)
    seq = Sequence(lambda n: n + 1)
    name = "validate"
    status = StepStatus.PENDING
    attempts = LazyAttribute(lambda made: 0 if made.status in (StepStatus.PENDING, StepStatus.SKIPPED) else 1)
    started_at = LazyAttribute(lambda made: chance.ago(minutes=50) if made.attempts else None)
    completed_at = LazyAttribute(
        lambda made: None if made.status in (StepStatus.PENDING, StepStatus.RUNNING) else chance.ago(minutes=45)
    )
    message = LazyAttribute(lambda made: "The cloud refused." if made.status == StepStatus.FAILED else None)


class VolumeSnapshotFactory(DjangoModelFactory):
    class Meta:
        model = VolumeSnapshot

    job = SubFactory(FailoverJobFactory)
    volume = SubFactory(
        TargetVolumeFactory,
        target=SelfAttribute("..job.target"),
        vm_disk=SubFactory(VMDiskFactory, vm_context=SelfAttribute("...job.vm_context")),
    )
    status = SnapshotStatus.READY
    snapshot_id = LazyAttribute(
        lambda made: None if made.status in (SnapshotStatus.CREATING, SnapshotStatus.FAILED) else chance.uuid()
    )
    is_active = LazyAttribute(lambda made: True if made.status in ACTIVE_SNAPSHOT else None)
    error_message = LazyAttribute(lambda made: "No space left." if made.status == SnapshotStatus.FAILED else None)
