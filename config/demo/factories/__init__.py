"""One factory per record. Each needs nothing else, makes the parents it lacks, and what it makes passes `full_clean`.

Give a job, a snapshot, an alert or a plan run only its status: times, flags and messages follow from it.
"""

from datetime import datetime

from config.demo.chance import chance
from config.demo.factories.backups import (
    BackupDiskFactory,
    BackupJobFactory,
    BackupPolicyFactory,
    BackupRepositoryFactory,
    BackupScheduleFactory,
    BackupSlotFactory,
    RestoreJobFactory,
)
from config.demo.factories.discovery import DiscoveryOutcomeFactory, DiscoveryRunFactory
from config.demo.factories.failover import (
    FailoverJobFactory,
    FailoverStepFactory,
    NetworkMappingFactory,
    VolumeSnapshotFactory,
)
from config.demo.factories.inventory import (
    HostFactory,
    OperationClaimFactory,
    VcenterFactory,
    VMContextFactory,
    VMDiskFactory,
    VMNetworkInterfaceFactory,
)
from config.demo.factories.jobs import IdempotencyKeyFactory, JobEventFactory
from config.demo.factories.monitoring import AlertFactory, HostMetricFactory, VMMetricFactory
from config.demo.factories.plans import (
    RecoveryPlanFactory,
    RecoveryPlanGroupFactory,
    RecoveryPlanMemberFactory,
    RecoveryPlanRunFactory,
    RecoveryPlanStepFactory,
)
from config.demo.factories.replication import (
    ChangeIdFactory,
    ProtectionFactory,
    ReplicationDiskFactory,
    ReplicationJobFactory,
    ReplicationSlotFactory,
    TargetFactory,
    TargetNetworkFactory,
    TargetVolumeFactory,
)
from config.demo.factories.tenancy import ApiKeyFactory, MembershipFactory, OrganizationFactory, UserFactory

ALL = (
    *(OrganizationFactory, UserFactory, MembershipFactory, ApiKeyFactory),
    *(VcenterFactory, HostFactory, VMContextFactory, VMDiskFactory, VMNetworkInterfaceFactory, OperationClaimFactory),
    *(DiscoveryRunFactory, DiscoveryOutcomeFactory, AlertFactory, HostMetricFactory, VMMetricFactory),
    *(JobEventFactory, IdempotencyKeyFactory),
    *(TargetFactory, TargetNetworkFactory, TargetVolumeFactory, ProtectionFactory),
    *(ReplicationJobFactory, ReplicationDiskFactory, ChangeIdFactory, ReplicationSlotFactory),
    *(NetworkMappingFactory, FailoverJobFactory, FailoverStepFactory, VolumeSnapshotFactory),
    *(RecoveryPlanFactory, RecoveryPlanGroupFactory, RecoveryPlanMemberFactory),
    *(RecoveryPlanRunFactory, RecoveryPlanStepFactory),
    *(BackupRepositoryFactory, BackupPolicyFactory, BackupJobFactory, BackupDiskFactory, RestoreJobFactory),
    *(BackupScheduleFactory, BackupSlotFactory),
)


def reseed(seed: int | str, *, now: datetime | None = None) -> None:
    """Make all that the factories make from here on the same each time, names and identifiers included.

    With `now` the identifiers' times are the same too. It does not look at what the database already holds.
    """
    chance.reseed(seed, now=now)
    for factory in ALL:
        factory.reset_sequence(0, force=True)


__all__ = ["ALL", "reseed", *(factory.__name__ for factory in ALL)]
