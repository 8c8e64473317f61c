"""Failover jobs, their steps and snapshots, and what followed them."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from config.demo.chance import chance
from config.demo.factories import FailoverJobFactory, FailoverStepFactory, VolumeSnapshotFactory
from config.demo.stories.part import Part
from config.demo.stories.replication import invalidate
from config.demo.stories.timeline import IllegalMove, Timeline, events_of, timeline
from failover.models import (
    AFTERMATH_ENDS,
    AFTERMATH_MOVES,
    FAILOVER,
    Aftermath,
    FailoverJob,
    Purpose,
    SnapshotStatus,
    StepStatus,
)
from failover.services.steps import STEPS
from inventory.models import HolderKind, Site
from replication.models import InvalidReason

WAY = "pending validating snapshotting creating_vm switching_volume powering_on completed"
SNAPSHOTS_AFTER = {
    Aftermath.CLEANED: SnapshotStatus.DELETED,
    Aftermath.COMMITTED: SnapshotStatus.DELETED,
    Aftermath.ROLLED_BACK: SnapshotStatus.RESTORED,
}


def up_to(status: str, *then: str) -> str:
    """The statuses of a job on its way up to this one, and what came then."""
    way = WAY.split()
    return " ".join((*way[: way.index(status) + 1], *then))


def fail_over(
    part: Part,
    kind: Purpose,
    begin: datetime,
    statuses: str = WAY,
    *,
    aftermath: str = "",
    minutes: float = 2,
    aftermath_minutes: float = 5,
    reason: str | None = None,
    snapshot_ids: tuple[str, ...] = (),
    **values: Any,
) -> FailoverJob:
    """A test or live failover through these statuses, and then through this aftermath ("due cleanup cleaned").

    `reason` is why it failed, was cancelled, or why its aftermath went as it did.
    """
    line = timeline(FAILOVER, statuses, begin, minutes=minutes)
    after = _aftermath(kind, aftermath, line.end, aftermath_minutes)
    last, since = after[-1] if after else (Aftermath.NONE.value, None)
    job = FailoverJobFactory.build(
        vm_context=part.vm,
        target=part.target,
        replication_job=part.replications[-1] if part.replications else None,
        job_type=kind,
        aftermath=last,
        aftermath_since=since,
        aftermath_completed_at=since if last in AFTERMATH_ENDS else None,
        network_mappings=_frozen_mappings(part, kind),
        source_vm_spec=_frozen_spec(part),
        error_message=reason if line.status == "failed" else None,
        created_by="operator",
        **line.job_fields() | values,
    )
    is_held = line.is_active or (bool(after) and last not in AFTERMATH_ENDS)
    part.failovers.append(job)
    part.add(job)
    part.extend(line.events(HolderKind.FAILOVER, job.job_id, part.vm.pk, by="operator", reason=reason))
    part.extend(
        events_of(after[1:], HolderKind.FAILOVER, job.job_id, part.vm.pk, by="operator", reason=reason, before="due")
    )
    part.claim_for(
        HolderKind.FAILOVER,
        job.job_id,
        taken_at=line.begin,
        heartbeat_at=chance.ago(seconds=10) if line.started_at and line.is_active else since or line.begin,
        held=is_held,
    )
    _steps(part, job, line)
    _snapshots(part, job, line, snapshot_ids)
    if at := line.at("switching_volume"):
        invalidate(part, InvalidReason.TARGET_WRITTEN, at)
    if last == Aftermath.COMMITTED:
        part.vm.runs_at = Site.TARGET
    return job


def _aftermath(kind: Purpose, states: str, begin: datetime, minutes: float) -> list[tuple[str, datetime]]:
    after = [(state, begin + number * timedelta(minutes=minutes)) for number, state in enumerate(states.split())]
    for (state, _), (following, at) in pairwise([(Aftermath.NONE.value, begin), *after]):
        if following not in AFTERMATH_MOVES[kind][state] or at > chance.now():
            raise IllegalMove(f"The aftermath of a {kind} failover: {state} is not followed by {following}.")
    return after


def _frozen_mappings(part: Part, kind: Purpose) -> dict[str, str]:
    return {
        mapping.source_network_name: mapping.target_network.external_id
        for mapping in part.mappings
        if mapping.purpose == kind
    }


def _frozen_spec(part: Part) -> dict[str, Any]:
    vm = part.vm
    return {
        "name": vm.name,
        "display_name": vm.display_name,
        "cpus": vm.cpu_count,
        "memory_mb": vm.memory_mb,
        "os_type": vm.os_type,
        "power_state": vm.power_state,
        "disks": [{"disk_id": disk.disk_id, "capacity_bytes": disk.capacity_bytes} for disk in part.disks],
    }


def _steps(part: Part, job: FailoverJob, line: Timeline) -> None:
    following = {status: after for (status, _), after in pairwise(line.moves)}
    ends = {"failed": StepStatus.FAILED, "cancelled": StepStatus.SKIPPED}
    for seq, (status, name) in enumerate(STEPS.items(), start=1):
        entered = line.at(status)
        if status in following:
            after, ended = following[status]
            state = ends.get(after, StepStatus.COMPLETED)
        elif line.is_active:
            state, ended = StepStatus.RUNNING if entered else StepStatus.PENDING, None
        else:
            state, ended = StepStatus.SKIPPED, line.end
        part.add(
            FailoverStepFactory.build(
                job=job,
                seq=seq,
                name=name,
                status=state,
                attempts=1 if entered else 0,
                started_at=entered,
                completed_at=ended,
                message=job.error_message if state == StepStatus.FAILED else None,
                created_at=line.begin,
            )
        )


def _snapshots(part: Part, job: FailoverJob, line: Timeline, known_ids: tuple[str, ...]) -> None:
    if not (at := line.at("snapshotting")):
        return
    state = SNAPSHOTS_AFTER.get(job.aftermath, SnapshotStatus.READY)
    if line.status == "snapshotting":
        state = SnapshotStatus.CREATING
    elif line.statuses[-2:] == ("snapshotting", "failed"):
        state = SnapshotStatus.FAILED
    for number, disk in enumerate(part.disks):
        known = {"snapshot_id": known_ids[number]} if number < len(known_ids) else {}
        part.add(
            VolumeSnapshotFactory.build(job=job, volume=part.volume_of(disk), status=state, created_at=at, **known)
        )
