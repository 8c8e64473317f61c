"""One VM of the estate on its way into the database, with what hangs on it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Model

from backups.models import BackupDisk, BackupJob, BackupPolicy, BackupRepository
from config.demo.factories import TargetVolumeFactory
from config.demo.ledger import Ledger
from failover.models import FailoverJob, NetworkMapping
from inventory.models import OperationClaim, VMContext, VMDisk
from replication.models import ChangeId, ReplicationJob, Target, TargetVolume, VolumeStatus, VolumeType

LEASE_SECONDS = 120


@dataclass
class Part:
    """A new VM, where its copies go, and what the stories have told of it so far."""

    ledger: Ledger
    vm: VMContext
    claim: OperationClaim
    all_disks: list[VMDisk]
    target: Target
    repository: BackupRepository
    policy: BackupPolicy
    mappings: list[NetworkMapping] = field(default_factory=list)
    bases: dict[int, ChangeId] = field(default_factory=dict)
    generations: dict[int, int] = field(default_factory=dict)
    tracking: dict[int, str] = field(default_factory=dict)
    volumes: dict[int, TargetVolume] = field(default_factory=dict)
    replications: list[ReplicationJob] = field(default_factory=list)
    backups: list[BackupJob] = field(default_factory=list)
    copies: dict[str, list[BackupDisk]] = field(default_factory=dict)
    failovers: list[FailoverJob] = field(default_factory=list)

    @property
    def disks(self) -> list[VMDisk]:
        """The disks that the VM still has."""
        return [disk for disk in self.all_disks if disk.removed_at is None]

    def add(self, *rows: Model) -> None:
        self.ledger.add(*rows)

    def extend(self, rows: Iterable[Model]) -> None:
        self.ledger.add(*rows)

    def claim_for(self, kind: str, job_id: str, *, taken_at: datetime, heartbeat_at: datetime, held: bool) -> None:
        """A job takes the claim; unless it is still active, it has given it back."""
        if self.claim.holder_id:
            raise ValueError(f"{self.vm.name}: {job_id} is active while {self.claim.holder_id} still is.")
        self.claim.fence += 1
        if held:
            self.claim.holder_kind, self.claim.holder_id = kind, job_id
            self.claim.taken_at, self.claim.heartbeat_at = taken_at, heartbeat_at
            self.claim.lease_seconds = LEASE_SECONDS

    def volume_of(self, disk: VMDisk, **values: Any) -> TargetVolume:
        """The target volume of a disk, made when first asked for."""
        if disk.device_key not in self.volumes:
            fields: dict[str, Any] = {
                "vm_disk": disk,
                "target": self.target,
                "volume_type": VolumeType.ROOT if disk is self.all_disks[0] else VolumeType.DATADISK,
                "status": VolumeStatus.ATTACHED,
            }
            if disk.job:
                fields["created_at"] = disk.job.created_at
            self.volumes[disk.device_key] = volume = TargetVolumeFactory.build(**fields | values)
            self.add(volume)
        return self.volumes[disk.device_key]
