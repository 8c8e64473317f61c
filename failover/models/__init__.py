"""Where networks lead, failover jobs and what follows them, recovery plans and their runs."""

from failover.models.jobs import (
    ACTIVE_SNAPSHOT,
    AFTERMATH_ENDS,
    AFTERMATH_MOVES,
    FAILOVER,
    SNAPSHOT_MOVES,
    Aftermath,
    FailoverJob,
    FailoverStatus,
    FailoverStep,
    SnapshotStatus,
    StepStatus,
    VolumeSnapshot,
    new_failover_id,
)
from failover.models.mappings import NetworkMapping, Purpose
from failover.models.plans import (
    ACTIVE_PLAN_RUN,
    PlanRunStatus,
    PlanStepKind,
    RecoveryPlan,
    RecoveryPlanGroup,
    RecoveryPlanMember,
    RecoveryPlanRun,
    RecoveryPlanStep,
)

__all__ = [
    "ACTIVE_PLAN_RUN",
    "ACTIVE_SNAPSHOT",
    "AFTERMATH_ENDS",
    "AFTERMATH_MOVES",
    "FAILOVER",
    "SNAPSHOT_MOVES",
    "Aftermath",
    "FailoverJob",
    "FailoverStatus",
    "FailoverStep",
    "NetworkMapping",
    "PlanRunStatus",
    "PlanStepKind",
    "Purpose",
    "RecoveryPlan",
    "RecoveryPlanGroup",
    "RecoveryPlanMember",
    "RecoveryPlanRun",
    "RecoveryPlanStep",
    "SnapshotStatus",
    "StepStatus",
    "VolumeSnapshot",
    "new_failover_id",
]
