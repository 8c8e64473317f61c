"""Replication over HTTP."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from config.api.callers import Scope, caller_of, needs
from config.api.paging import Page, Pages, Paging, newest_first
from config.jobs.api import MOST_BYTES, FenceIn, JobOut, by, once, shown
from config.jobs.refusals import NotFound
from inventory.models import VMContext
from replication.models import ReplicationJob
from replication.services.jobs import create_replication, record_disk

router = Router(tags=["replication"])


class ReplicationIn(Schema):
    context_id: str = Field(max_length=191)
    type: str = Field("auto", max_length=64, description="auto, initial or incremental")


class ReplicationOut(JobOut):
    """The type that was chosen, and why."""

    type: str
    type_reason: str | None


class DiskIn(FenceIn):
    """How the copy of one disk stands; completed, with the change id that was read before the copy."""

    status: str = Field(max_length=64)
    bytes: int | None = Field(None, ge=0, le=MOST_BYTES, strict=True)
    change_id: str | None = Field(None, min_length=1, max_length=255)
    base_change_id: str | None = Field(None, min_length=1, max_length=255)


class DiskOut(Schema):
    disk_id: str
    status: str
    bytes_synced: int
    bytes_total: int | None
    base_change_id: str | None
    new_change_id: str | None


def _shown(job: ReplicationJob) -> dict[str, Any]:
    return {**shown(job), "type": job.replication_type, "type_reason": job.type_reason}


@router.post("/replications", response={201: ReplicationOut})
@needs(Scope.OPERATE)
def create(request: HttpRequest, body: ReplicationIn) -> Any:
    """Let a VM be copied to its target; 409 names the job that works on it."""

    def act() -> tuple[int, Any]:
        mine = VMContext.objects.filter(vcenter__organization=caller_of(request).organization)
        vm = mine.select_related("vcenter").filter(pk=body.context_id).first()
        if vm is None:
            raise NotFound(f"There is no VM context {body.context_id}.")
        return 201, _shown(create_replication(vm, by=by(request), run_type=body.type))

    return once(request, act)


@router.get("/replications", response=Page[ReplicationOut])
@needs(Scope.READ)
def list_replications(request: HttpRequest, paging: Paging = Pages, status: str | None = None) -> Any:
    """The replication jobs, the newest first."""
    rows = ReplicationJob.objects.of(caller_of(request).organization).select_related("vm_context")
    return newest_first([(rows.filter(status=status) if status else rows, "pk")], paging, _shown)


@router.get("/replications/{job}", response=ReplicationOut)
@needs(Scope.READ)
def one(request: HttpRequest, job: str) -> Any:
    """One replication job."""
    row = ReplicationJob.objects.of(caller_of(request).organization).select_related("vm_context").filter(pk=job).first()
    if row is None:
        raise NotFound(f"There is no replication job {job}.")
    return _shown(row)


@router.put("/jobs/{job}/disks/{disk_id}", response=DiskOut)
@needs(Scope.ENGINE)
def put_disk(request: HttpRequest, job: str, disk_id: str, body: DiskIn) -> Any:
    """Say how the copy of one disk stands; said again, it changes nothing."""
    row = record_disk(
        job,
        body.fence,
        disk_id,
        status=body.status,
        bytes_synced=body.bytes,
        change_id=body.change_id,
        base_change_id=body.base_change_id,
        organization=caller_of(request).organization,
    )
    names = ("status", "bytes_synced", "bytes_total", "base_change_id", "new_change_id")
    return {"disk_id": disk_id, **{name: getattr(row, name) for name in names}}
