"""Readiness and failovers over HTTP."""

from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from config.admin import may
from config.api.callers import Scope, caller_of, needs
from config.api.numbers import Count
from config.api.paging import Page, Pages, Paging
from config.api.records import Words
from config.jobs.api import FenceIn, JobOut, ReasonIn, by, job_of, jobs_page, once, shown, vm_of
from failover.evidence import as_html, evidence_of, policy_of
from failover.models import FailoverJob
from failover.readiness import Readiness, readiness_of, readiness_of_all
from failover.services.failovers import commit, create_failover, request_cleanup, request_rollback, set_back
from failover.services.steps import record_step
from failover.services.volumes import record_destination, record_snapshot, record_volume
from inventory.models import VMContext

router = Router(tags=["failover"])
PAGE = 200
OVERRIDE = "failover.override_readiness"


class FindingOut(Schema):
    """`unknown`: the check could not be made, which is not ready either."""

    code: str
    severity: str
    applies_to: str
    unknown: bool
    subject: str | None
    message: str
    remedy: str
    since: str | None


class ReadinessOut(Schema):
    """`verdict`: ready, not_ready or unknown; never ready while anything is unknown."""

    context_id: str
    vm_name: str
    kind: str
    verdict: str
    findings: list[FindingOut]


class FleetOut(Schema):
    """`counts` are of the whole fleet, `items` of the page; `next` is the context_id to go on after."""

    counts: dict[str, int]
    items: list[ReadinessOut]
    next: str | None


class FailoverIn(Schema):
    context_id: str = Field(max_length=191)
    kind: Literal["test", "live"]
    override_reason: Words | None = None


class FailoverOut(JobOut):
    failover: str
    aftermath: str
    override_reason: str | None
    destination_vm_id: str | None


class CleanupIn(Schema):
    reason: Words | None = None


class SiteOut(Schema):
    """Where a VM runs: source or target."""

    context_id: str
    runs_at: str


class SnapshotIn(FenceIn):
    status: str = Field(max_length=64)
    snapshot_id: str | None = Field(None, min_length=1, max_length=191)
    error_message: Words | None = None


class VolumeIn(FenceIn):
    """`volume_id` and what follows it: of the volume that a replication made for the copy; the id at the first time."""

    status: str = Field(max_length=64)
    device_path: str | None = Field(None, min_length=1, max_length=255)
    volume_id: str | None = Field(None, min_length=1, max_length=191)
    volume_name: str | None = Field(None, min_length=1, max_length=255)
    volume_type: str | None = Field(None, max_length=64, description="ROOT or DATADISK")
    size_bytes: Count | None = None


class StepIn(FenceIn):
    seq: int = Field(ge=1, le=10_000, strict=True)
    status: str = Field(max_length=64)
    name: str | None = Field(None, min_length=1, max_length=128)
    message: Words | None = None


class DestinationIn(FenceIn):
    destination_vm_id: str = Field(min_length=1, max_length=191)


def overriding(request: HttpRequest, reason: str | None) -> str | None:
    """The reason for which the caller overrides readiness, as the role of the person or of the key's owner lets it."""
    caller = caller_of(request)
    if reason is not None and not may(caller.user, OVERRIDE, caller.organization):
        raise HttpError(403, "Your role does not override readiness: mend what it finds, or ask an administrator.")
    return reason


def _failover(job: FailoverJob) -> dict[str, Any]:
    own = {"failover": job.job_type, "aftermath": job.aftermath, "override_reason": job.override_reason}
    return {**shown(job), **own, "destination_vm_id": job.destination_vm_id}


def _readiness(found: Readiness, kind: str) -> dict[str, Any]:
    return {
        "context_id": found.vm_context_id,
        "vm_name": found.name,
        "kind": kind,
        "verdict": found.verdict(kind).value,
        "findings": [finding.as_json() for finding in found.of(kind)],
    }


@router.get("/vm-contexts/{context_id}/readiness", response=ReadinessOut)
@needs(Scope.READ)
def readiness(request: HttpRequest, context_id: str, kind: Literal["test", "live"] = "test") -> Any:
    """Whether a VM could be failed over now, and if not why and what to do about it."""
    return _readiness(readiness_of(vm_of(request, context_id)), kind)


@router.get("/readiness", response=FleetOut)
@needs(Scope.READ)
def fleet(request: HttpRequest, kind: Literal["test", "live"] = "test", after: str = "") -> Any:
    """The readiness of all managed VMs of the organisation."""
    vms = VMContext.objects.managed().filter(vcenter__organization=caller_of(request).organization)
    found = sorted(readiness_of_all(vms), key=lambda each: each.vm_context_id)
    counts = {"ready": 0, "not_ready": 0, "unknown": 0}
    for each in found:
        counts[each.verdict(kind).value] += 1
    page = [each for each in found if each.vm_context_id > after]
    following = page[PAGE - 1].vm_context_id if len(page) > PAGE else None
    return {"counts": counts, "items": [_readiness(each, kind) for each in page[:PAGE]], "next": following}


@router.post("/failovers", response={201: FailoverOut})
@needs(Scope.OPERATE)
def create(request: HttpRequest, body: FailoverIn) -> Any:
    """Decide to fail a VM over; 422 with the findings where something speaks against it."""

    reason = overriding(request, body.override_reason)

    def act() -> tuple[int, Any]:
        vm = vm_of(request, body.context_id)
        return 201, _failover(create_failover(vm, body.kind, by=by(request), override_reason=reason))

    return once(request, act)


@router.get("/failovers", response=Page[FailoverOut])
@needs(Scope.READ)
def list_failovers(request: HttpRequest, paging: Paging = Pages, status: str | None = None) -> Any:
    """The failover jobs, the newest first."""
    return jobs_page(request, [FailoverJob], paging, _failover, status)


@router.get("/failovers/{job}", response=FailoverOut)
@needs(Scope.READ)
def one(request: HttpRequest, job: str) -> Any:
    """One failover job."""
    return _failover(job_of(request, FailoverJob, job, "failover job"))


@router.post("/failovers/{job}/cleanup", response=FailoverOut)
@needs(Scope.OPERATE)
def clean_up(request: HttpRequest, job: str, body: CleanupIn) -> Any:
    """Have what a test made cleaned up; the job waits for an engine again."""
    organization = caller_of(request).organization
    return _failover(request_cleanup(job, by=by(request), reason=body.reason, organization=organization))


@router.post("/failovers/{job}/rollback", response=FailoverOut)
@needs(Scope.OPERATE)
def roll_back(request: HttpRequest, job: str, body: ReasonIn) -> Any:
    """Have a live failover reverted; the job waits for an engine again."""
    organization = caller_of(request).organization
    return _failover(request_rollback(job, by=by(request), reason=body.reason, organization=organization))


@router.post("/failovers/{job}/commit", response=FailoverOut)
@needs(Scope.OPERATE)
def accept(request: HttpRequest, job: str, body: ReasonIn) -> Any:
    """Accept a live failover: the VM runs at the target from now on."""
    organization = caller_of(request).organization
    return _failover(commit(job, by=by(request), reason=body.reason, organization=organization))


@router.post("/vm-contexts/{context_id}/set-back", response=SiteOut)
@needs(Scope.OPERATE)
def post_set_back(request: HttpRequest, context_id: str, body: ReasonIn) -> Any:
    """Say that a VM which was failed over runs at its source again; 409 where it does, or where a job works on it."""

    def act() -> tuple[int, Any]:
        vm = vm_of(request, context_id)
        set_back(vm, by=by(request), reason=body.reason)
        vm.refresh_from_db(fields=["runs_at"])
        return 200, {"context_id": vm.pk, "runs_at": vm.runs_at}

    return once(request, act)


AS_A_PAGE = {"responses": {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}}


@router.get("/evidence/{job}", response=dict[str, Any], openapi_extra=AS_A_PAGE)
@needs(Scope.READ)
def evidence(request: HttpRequest, job: str) -> Any:
    """What a failover did and found, sealed: as JSON, or as a page for who accepts text/html."""
    document = evidence_of(job_of(request, FailoverJob, job, "failover job"))
    if "text/html" not in request.headers.get("Accept", ""):
        return document
    page = as_html(document)
    return HttpResponse(page, headers={"Content-Security-Policy": policy_of(page)})


@router.put("/jobs/{job}/snapshots/{disk_id}", response={204: None})
@needs(Scope.ENGINE)
def put_snapshot(request: HttpRequest, job: str, disk_id: str, body: SnapshotIn) -> Any:
    """Say how the snapshot of the volume of a disk stands."""
    said = body.model_dump(exclude={"fence"})
    record_snapshot(job, body.fence, disk_id, **said, organization=caller_of(request).organization)
    return Status(204, None)


@router.put("/jobs/{job}/volumes/{disk_id}", response={204: None})
@needs(Scope.ENGINE)
def put_volume(request: HttpRequest, job: str, disk_id: str, body: VolumeIn) -> Any:
    """Say where the volume of a disk is now."""
    said = body.model_dump(exclude={"fence"})
    record_volume(job, body.fence, disk_id, **said, organization=caller_of(request).organization)
    return Status(204, None)


@router.post("/jobs/{job}/steps", response={204: None})
@needs(Scope.ENGINE)
def post_step(request: HttpRequest, job: str, body: StepIn) -> Any:
    """Say what was done in a step."""
    said = body.model_dump(exclude={"fence"})
    record_step(job, body.fence, **said, organization=caller_of(request).organization)
    return Status(204, None)


@router.put("/jobs/{job}/destination", response={204: None})
@needs(Scope.ENGINE)
def put_destination(request: HttpRequest, job: str, body: DestinationIn) -> Any:
    """Say which VM was made in the target."""
    record_destination(job, body.fence, body.destination_vm_id, organization=caller_of(request).organization)
    return Status(204, None)
