"""Replication over HTTP."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from config.api.callers import Scope, needs
from config.api.paging import Page, Pages, Paging
from config.jobs.api import JobOut, by, job_of, jobs_page, once, shown, vm_of
from replication.models import ReplicationJob
from replication.services.jobs import create_replication

router = Router(tags=["replication"])


class ReplicationIn(Schema):
    context_id: str = Field(max_length=191)
    type: str = Field("auto", max_length=64, description="auto, initial or incremental")


class ReplicationOut(JobOut):
    """The type that was chosen, and why."""

    type: str
    type_reason: str | None


def _shown(job: ReplicationJob) -> dict[str, Any]:
    return {**shown(job), "type": job.replication_type, "type_reason": job.type_reason}


@router.post("/replications", response={201: ReplicationOut})
@needs(Scope.OPERATE)
def create(request: HttpRequest, body: ReplicationIn) -> Any:
    """Let a VM be copied to its target; 409 names the job that works on it."""

    def act() -> tuple[int, Any]:
        vm = vm_of(request, body.context_id)
        return 201, _shown(create_replication(vm, by=by(request), run_type=body.type))

    return once(request, act)


@router.get("/replications", response=Page[ReplicationOut])
@needs(Scope.READ)
def list_replications(request: HttpRequest, paging: Paging = Pages, status: str | None = None) -> Any:
    """The replication jobs, the newest first."""
    return jobs_page(request, [ReplicationJob], paging, _shown, status)


@router.get("/replications/{job}", response=ReplicationOut)
@needs(Scope.READ)
def one(request: HttpRequest, job: str) -> Any:
    """One replication job."""
    return _shown(job_of(request, ReplicationJob, job, "replication job"))
