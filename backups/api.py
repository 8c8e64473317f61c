"""Back-ups, restore points and restores over HTTP."""

from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import Field

from backups.api_setup import POLICIES, REPOSITORIES
from backups.capacity import repository_capacity
from backups.models import BackupJob, BackupPolicy, BackupSchedule, RestoreJob
from backups.queries import restore_points
from backups.services.pruning import planned
from backups.services.restoring import create_restore
from backups.services.schedules import change_schedule, create_schedule, remove_schedule, schedule_of
from backups.services.starting import create_backup
from config.api.callers import Scope, caller_of, needs
from config.api.numbers import Key, PathKey
from config.api.paging import Page, Pages, Paging, newest_first
from config.api.records import OMITTED, Said, Seen, seen_version, tagged
from config.jobs.api import JobOut, by, job_of, jobs_page, once, shown, vm_of

router = Router(tags=["back-ups"])


class BackupIn(Schema):
    context_id: str = Field(max_length=191)
    repository_id: Key
    policy_id: Key | None = None
    type: Literal["auto", "full", "incremental"] = "auto"


class BackupOut(JobOut):
    """The type that was chosen, and why."""

    type: str
    type_reason: str | None
    parent: str | None
    repository_id: int
    snapshot_at: datetime | None


class RestoreIn(Schema):
    backup_id: str = Field(max_length=191)
    target: str = Field(min_length=1, max_length=1024)
    mode: Literal["restore", "mount"] = "restore"
    disk_id: str | None = Field(None, max_length=64)


class RestoreOut(JobOut):
    backup_id: str
    mode: str
    target: str


class RestorePointOut(Schema):
    """`why_not`: why it cannot be restored, with the link of its chain at fault; null where it can."""

    id: str
    snapshot_at: datetime
    restorable: bool
    why_not: str | None
    chain: list[str]
    bytes_stored: int


class VerdictOut(Schema):
    """What pruning would do with a restore point, and why."""

    id: str
    keep: bool
    code: str
    reason: str


class SimulationIn(Schema):
    context_id: str | None = Field(None, max_length=191)


def _backup(job: BackupJob) -> dict[str, Any]:
    own = {"type": job.backup_type, "type_reason": job.type_reason, "parent": job.parent_id}
    return {**shown(job), **own, "repository_id": job.repository_id, "snapshot_at": job.snapshot_at}


def _restore(job: RestoreJob) -> dict[str, Any]:
    return {**shown(job), "backup_id": job.backup_id, "mode": job.mode, "target": job.destination}


def _policy_of(request: HttpRequest, key: int | None) -> BackupPolicy | None:
    return None if key is None else POLICIES.find(request, key)


@router.post("/backups", response={201: BackupOut})
@needs(Scope.OPERATE)
def create(request: HttpRequest, body: BackupIn) -> Any:
    """Back a VM up; 409 names the job that works on it."""

    def act() -> tuple[int, Any]:
        repository = REPOSITORIES.find(request, body.repository_id)
        policy = _policy_of(request, body.policy_id)
        vm = vm_of(request, body.context_id)
        return 201, _backup(create_backup(vm, repository, type=body.type, policy=policy, by=by(request)))

    return once(request, act)


@router.get("/backups", response=Page[BackupOut])
@needs(Scope.READ)
def list_backups(request: HttpRequest, paging: Paging = Pages, status: str | None = None) -> Any:
    """The back-ups, the newest first."""
    return jobs_page(request, [BackupJob], paging, _backup, status)


@router.get("/backups/{job}", response=BackupOut)
@needs(Scope.READ)
def one_backup(request: HttpRequest, job: str) -> Any:
    """One back-up."""
    return _backup(job_of(request, BackupJob, job, "back-up"))


@router.get("/vm-contexts/{context_id}/restore-points", response=list[RestorePointOut])
@needs(Scope.READ)
def list_restore_points(request: HttpRequest, context_id: str) -> Any:
    """The restore points of a VM, the newest first, each with whether it can be restored now."""
    vm = vm_of(request, context_id)
    return [
        {
            "id": each.point.id,
            "snapshot_at": each.point.at,
            "restorable": each.is_restorable,
            "why_not": each.why_not,
            "chain": list(each.chain),
            "bytes_stored": each.bytes_stored,
        }
        for each in restore_points([vm.pk])
    ]


@router.post("/prune/simulate", response=list[VerdictOut])
@needs(Scope.READ)
def simulate(request: HttpRequest, body: SimulationIn) -> Any:
    """What pruning would keep and remove, each with the reason; nothing is written."""
    vm = vm_of(request, body.context_id).pk if body.context_id else None
    verdicts = planned(organization=caller_of(request).organization, vm=vm)
    return [{"id": each.point.id, "keep": each.keep, "code": each.code, "reason": each.reason} for each in verdicts]


@router.post("/restores", response={201: RestoreOut})
@needs(Scope.OPERATE)
def restore(request: HttpRequest, body: RestoreIn) -> Any:
    """Restore a point, or mount one disk of it."""

    def act() -> tuple[int, Any]:
        job = create_restore(
            body.backup_id,
            body.target,
            body.mode,
            disk_id=body.disk_id,
            by=by(request),
            organization=caller_of(request).organization,
        )
        return 201, _restore(job)

    return once(request, act)


@router.get("/restores", response=Page[RestoreOut])
@needs(Scope.READ)
def list_restores(request: HttpRequest, paging: Paging = Pages, status: str | None = None) -> Any:
    """The restores, the newest first."""
    return jobs_page(request, [RestoreJob], paging, _restore, status)


@router.get("/restores/{job}", response=RestoreOut)
@needs(Scope.READ)
def one_restore(request: HttpRequest, job: str) -> Any:
    """One restore."""
    return _restore(job_of(request, RestoreJob, job, "restore"))


class CapacityOut(Schema):
    """null is what nobody knows. `days_to_full` is 0 where what is planned does not fit; `why` says how it came."""

    repository_id: int
    name: str
    capacity_bytes: int | None
    used_bytes: int
    planned_bytes: int
    planned_vms: int
    planned_disks_of_unknown_capacity: int
    grown_bytes: int | None = Field(description="in the last 30 days, or since the first restore point")
    growth_bytes_per_day: float | None
    days_to_full: float | None
    why: str


@router.get("/repositories/capacity", response=list[CapacityOut])
@needs(Scope.READ)
def capacity(request: HttpRequest) -> Any:
    """How full each repository is, what is scheduled to come to it, and when it will be full."""
    return [
        {
            **{field.name: getattr(each, field.name) for field in fields(each) if field.name != "repository"},
            "repository_id": each.repository.pk,
            "name": each.repository.name,
            "capacity_bytes": each.repository.capacity_bytes,
        }
        for each in repository_capacity(organization=caller_of(request).organization)
    ]


Cron = Annotated[str, Field(min_length=1, max_length=255, description="minute, hour, day, month, weekday")]
Zone = Annotated[str, Field(min_length=1, max_length=64, description="an IANA name")]


class ScheduleSaid(Said):
    policy_id: Key | None = OMITTED
    type: Literal["auto", "full"] = OMITTED
    schedule: Cron = OMITTED
    time_zone: Zone = OMITTED
    enabled: bool = OMITTED


class ScheduleIn(ScheduleSaid):
    """`time_zone` is UTC where it is left out."""

    context_id: str = Field(max_length=191)
    repository_id: Key
    schedule: Cron


class ScheduleChange(ScheduleSaid, Seen):
    """What is left out stays."""


class ScheduleOut(Schema):
    """`next_slot_at` is null until the worker has looked at it, and while it is not enabled."""

    id: int
    context_id: str
    vm_name: str
    repository_id: int
    policy_id: int | None
    type: str
    schedule: str
    time_zone: str
    enabled: bool
    next_slot_at: datetime | None
    version: int


class SlotOut(Schema):
    """A time at which the schedule came due: started, with the job; waiting, skipped or missed, with the reason."""

    at: datetime
    outcome: str
    job: str | None
    reason: str | None


def _schedule(row: BackupSchedule) -> dict[str, Any]:
    is_planned = row.enabled and row.planned_for == row.calendar
    body = {
        "id": row.pk,
        "context_id": row.vm_context_id,
        "vm_name": row.vm_context.name,
        "repository_id": row.repository_id,
        "policy_id": row.policy_id,
        "type": row.backup_type,
        "schedule": row.schedule,
        "time_zone": row.time_zone,
        "enabled": row.enabled,
        "next_slot_at": row.next_slot_at if is_planned else None,
        "version": row.version,
    }
    return ScheduleOut.model_validate(body).model_dump(mode="json")


def _schedule_columns(request: HttpRequest, body: ScheduleSaid) -> dict[str, Any]:
    said = body.columns("context_id", "repository_id")
    if "policy_id" in said:
        said["policy"] = _policy_of(request, said.pop("policy_id"))
    if "type" in said:
        said["backup_type"] = said.pop("type")
    return said


@router.post("/backup-schedules", response={201: ScheduleOut})
@needs(Scope.ADMIN)
def add_schedule(request: HttpRequest, body: ScheduleIn) -> Any:
    """Let a VM be backed up by the clock; 409 names the schedule that says the same."""

    def act() -> tuple[int, Any]:
        repository = REPOSITORIES.find(request, body.repository_id)
        columns = _schedule_columns(request, body)
        vm = vm_of(request, body.context_id)
        return 201, _schedule(create_schedule(vm, repository=repository, by=by(request), **columns))

    return once(request, act)


@router.get("/backup-schedules", response=Page[ScheduleOut])
@needs(Scope.READ)
def list_schedules(request: HttpRequest, paging: Paging = Pages, context_id: str | None = None) -> Any:
    """The schedules of back-ups, the newest first."""
    organization = caller_of(request).organization
    rows = BackupSchedule.objects.filter(vm_context__vcenter__organization=organization).select_related("vm_context")
    if context_id is not None:
        rows = rows.filter(vm_context=context_id)
    return newest_first([(rows, "pk")], paging, _schedule)


@router.get("/backup-schedules/{key}", response=ScheduleOut)
@needs(Scope.READ)
def one_schedule(request: HttpRequest, response: HttpResponse, key: PathKey) -> Any:
    """One schedule of back-ups; its ETag is what a change names in If-Match."""
    return tagged(response, _schedule(schedule_of(key, caller_of(request).organization)))


@router.patch("/backup-schedules/{key}", response=ScheduleOut)
@needs(Scope.ADMIN)
def patch_schedule(request: HttpRequest, response: HttpResponse, key: PathKey, body: ScheduleChange) -> Any:
    """Change a schedule, and leave the rest."""
    row = schedule_of(key, caller_of(request).organization)
    seen = seen_version(request, body)
    changed = change_schedule(row, _schedule_columns(request, body), version=seen, by=by(request))
    return tagged(response, _schedule(changed))


@router.delete("/backup-schedules/{key}", response={204: None})
@needs(Scope.ADMIN)
def delete_schedule(request: HttpRequest, key: PathKey) -> Any:
    """Let a VM be backed up by this schedule no more; the history of its slots stays."""
    remove_schedule(key, organization=caller_of(request).organization, by=by(request))
    return Status(204, None)


@router.get("/backup-schedules/{key}/slots", response=list[SlotOut])
@needs(Scope.READ)
def list_slots(request: HttpRequest, key: PathKey) -> Any:
    """What became of the last 100 times at which a schedule came due, the newest first."""
    schedule = schedule_of(key, caller_of(request).organization)
    slots = schedule.slots.order_by("-slot_at")[:100]
    return [{"at": slot.slot_at, "outcome": slot.outcome, "job": slot.job_id, "reason": slot.reason} for slot in slots]
