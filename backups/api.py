"""Back-ups, restore points and restores over HTTP."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from backups.models import BackupJob, BackupPolicy, BackupRepository, RestoreJob
from backups.queries import restore_points
from backups.services.pruning import planned
from backups.services.restoring import create_restore
from backups.services.starting import create_backup
from config.api.callers import Scope, caller_of, needs
from config.api.numbers import Key
from config.api.paging import Page, Pages, Paging
from config.jobs.api import JobOut, by, job_of, jobs_page, once, shown, vm_of
from config.jobs.refusals import NotFound

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


@router.post("/backups", response={201: BackupOut})
@needs(Scope.OPERATE)
def create(request: HttpRequest, body: BackupIn) -> Any:
    """Back a VM up; 409 names the job that works on it."""

    def act() -> tuple[int, Any]:
        organization = caller_of(request).organization
        repository = BackupRepository.objects.filter(organization=organization, pk=body.repository_id).first()
        if repository is None:
            raise NotFound(f"There is no repository {body.repository_id}.")
        policy = None
        if body.policy_id is not None:
            policy = BackupPolicy.objects.filter(organization=organization, pk=body.policy_id).first()
            if policy is None:
                raise NotFound(f"There is no policy {body.policy_id}.")
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
