"""Targets, what is protected, and the runs that keep copies current."""

from replication.models.jobs import (
    REPLICATION,
    ChangeId,
    DiskStatus,
    InvalidReason,
    Protection,
    ReplicationDisk,
    ReplicationJob,
    ReplicationSlot,
    ReplicationStatus,
    ReplicationType,
    new_replication_id,
)
from replication.models.targets import Isolation, Target, TargetNetwork, TargetVolume, VolumeStatus, VolumeType

__all__ = [
    "REPLICATION",
    "ChangeId",
    "DiskStatus",
    "InvalidReason",
    "Isolation",
    "Protection",
    "ReplicationDisk",
    "ReplicationJob",
    "ReplicationSlot",
    "ReplicationStatus",
    "ReplicationType",
    "Target",
    "TargetNetwork",
    "TargetVolume",
    "VolumeStatus",
    "VolumeType",
    "new_replication_id",
]
