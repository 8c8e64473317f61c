"""The jobs of all kinds over HTTP: the calls of engines, and what a person does with any job."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from config.api.callers import Scope, caller_of, needs
from config.api.numbers import Count
from config.api.paging import Page, Pages, Paging, newest_first
from config.api.records import Words
from config.api.requests import request_id_of
from config.api.times import Instant
from config.jobs import claims, engines, idempotency, people
from config.jobs.kinds import find_job, find_kind, kind_named, kind_of, kinds
from config.jobs.moves import By
from config.refusals import Invalid, NotFound
from config.transactions import whole
from inventory.models import VMContext

router = Router(tags=["jobs"])
REPEATED = re.compile(r"[!-~]{1,191}")
"""What an Idempotency-Key may be."""


class Progress(Schema):
    """null is what nobody knows."""

    percent: float | None
    bytes_done: int | None
    bytes_total: int | None
    operation: str | None
    reported_at: datetime | None


class JobOut(Schema):
    """A job of any kind. `lost`: its engine has not reported within its lease; `waiting`: no engine has taken it."""

    id: str
    kind: str
    status: str
    context_id: str
    vm_name: str
    waiting: bool
    lost: bool
    engine: str | None
    silent_seconds: float | None
    progress: Progress
    created_by: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error_code: str | None
    error_message: str | None
    version: int


class TakenOut(Schema):
    """Each further call names the fence."""

    job: JobOut
    fence: int
    lease_seconds: int


class NextIn(Schema):
    kinds: list[str] = Field(min_length=1, max_length=10)
    engine: str = Field(min_length=1, max_length=128)


class FenceIn(Schema):
    fence: Count


class DiskProgressIn(Schema):
    disk_id: str = Field(max_length=64)
    bytes_synced: Count | None = None
    status: str | None = Field(None, max_length=64)


class ProgressIn(FenceIn):
    """`sequence` counts the reports of an engine, so that one which is repeated or late changes nothing."""

    sequence: Count | None = None
    percent: float | None = Field(None, ge=0, le=100, allow_inf_nan=False)
    bytes: Count | None = None
    bytes_total: Count | None = None
    operation: str | None = Field(None, min_length=1, max_length=255)
    disks: list[DiskProgressIn] = Field(default_factory=list, max_length=1000)


class CompleteIn(FenceIn):
    """`snapshot_at`: the instant of the source that is copied, where it was not said yet; with its offset from UTC."""

    snapshot_at: Instant | None = None


class AdvanceIn(CompleteIn):
    to: str = Field(max_length=64)


class DiskIn(FenceIn):
    """How the copy of one disk stands; completed, with the change id that was read before the copy."""

    status: str = Field(max_length=64)
    bytes: Count | None = None
    change_id: str | None = Field(None, min_length=1, max_length=255)
    base_change_id: str | None = Field(None, min_length=1, max_length=255)
    path: str | None = Field(None, min_length=1, max_length=1024)
    checksum: str | None = Field(None, min_length=1, max_length=255)


class DiskOut(Schema):
    """`base_change_id`: what the copy is built on; null: it is a copy of the whole disk."""

    disk_id: str
    status: str
    bytes: int | None
    base_change_id: str | None
    change_id: str | None


class WorkOut(Schema):
    """What an engine is to copy. `type`: full, incremental or initial; `builds_on`: the restore point that a back-up
    goes on from, null for a full one.
    """

    type: str
    builds_on: str | None
    disks: list[DiskOut]


class FailIn(FenceIn):
    code: str = Field(min_length=1, max_length=64)
    message: Words


class ReasonIn(Schema):
    reason: Words


class TakeOverIn(ReasonIn):
    engine: str | None = Field(None, min_length=1, max_length=128)


class FenceOut(Schema):
    fence: int
    lease_seconds: int


def by(request: HttpRequest) -> By:
    """Who calls, as events keep it."""
    return By(caller_of(request).name, request_id_of(request))


def once(request: HttpRequest, act: Callable[[], tuple[int, Any]]) -> Any:
    """Answer a call that creates something, and the same to one that repeats its Idempotency-Key."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return Status(*act())
    answer = idempotency.once(*_identity(request, key), lambda: idempotency.Answer(*act()))
    return Status(answer.status, answer.body)


def once_outside(request: HttpRequest, act: Callable[[], tuple[int, Any]]) -> Any:
    """The same for what takes long and may be done twice: no transaction stays open meanwhile."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return Status(*act())
    answer = idempotency.once_outside(*_identity(request, key), lambda: idempotency.Answer(*act()))
    return Status(answer.status, answer.body)


def _identity(request: HttpRequest, key: str) -> tuple[str, str, str]:
    if not REPEATED.fullmatch(key):
        raise Invalid("Idempotency-Key is none: send up to 191 letters, digits and signs of ASCII, without spaces.")
    caller = caller_of(request)
    digest = idempotency.digest_of(request.method, request.path, request.body.decode("utf-8", "replace"))
    return f"{caller.organization.pk}:{caller.name}"[:191], key, digest


def vm_of(request: HttpRequest, context_id: str) -> VMContext:
    """The VM of this context_id, if it is of the caller's organisation. Raises NotFound."""
    mine = VMContext.objects.select_related("vcenter").filter(vcenter__organization=caller_of(request).organization)
    vm = mine.filter(pk=context_id).first()
    if vm is None:
        raise NotFound(f"There is no VM context {context_id}.")
    return vm


def shown(job: Any) -> dict[str, Any]:
    """A job as JSON; one of a list comes with its lease (`with_lease`), any other is asked for it."""
    age, length = None, None
    if job.is_worked_on and hasattr(job, "lease_age"):
        age, length = job.lease_age, job.lease_length
    elif job.is_worked_on and (lease := claims.lease_of(job)):
        age, length = lease.age, lease.seconds
    at_work = {"lost": age is not None and length is not None and age > length, "silent_seconds": age}
    body = {
        "id": job.public_id,
        "kind": job.KIND,
        "status": job.shown_status,
        "context_id": job.vm.pk,
        "vm_name": job.vm.name,
        "waiting": job.is_waiting,
        "engine": job.engine,
        **at_work,
        "progress": {
            "percent": job.progress_percent,
            "bytes_done": job.bytes_done,
            "bytes_total": job.bytes_total,
            "operation": job.operation,
            "reported_at": job.progress_at,
        },
        "created_by": job.created_by,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
        "error_code": job.error_code,
        "error_message": job.error_message,
        "version": job.version,
    }
    return JobOut.model_validate(body).model_dump(mode="json")


def jobs_page(
    request: HttpRequest,
    models: Sequence[Any],
    paging: Paging,
    show: Callable[[Any], Any],
    status: str | None = None,
    lost: bool | None = None,
) -> dict[str, Any]:
    """One page of the caller's jobs of these models, the newest first."""
    lists = []
    for model in models:
        rows = model.objects.of(caller_of(request).organization).with_lease()
        if lost is not None:
            silent = rows.lost().values("pk")
            rows = rows.filter(pk__in=silent) if lost else rows.exclude(pk__in=silent)
        lists.append((rows.filter(status=status) if status else rows, model.PUBLIC_ID))
    return newest_first(lists, paging, show)


def job_of(request: HttpRequest, model: Any, job_id: str, called: str) -> Any:
    """The job of one model and this public id, if it is of the caller's organisation. Raises NotFound."""
    mine = model.objects.of(caller_of(request).organization).with_lease()
    job = mine.filter(**{model.PUBLIC_ID: job_id}).first()
    if job is None:
        raise NotFound(f"There is no {called} {job_id}.")
    return job


@router.get("/jobs", response=Page[JobOut])
@needs(Scope.READ)
def list_jobs(
    request: HttpRequest,
    paging: Paging = Pages,
    kind: str | None = None,
    status: str | None = None,
    lost: bool | None = None,
) -> Any:
    """The jobs of all kinds, or of one, the newest first."""
    models = [kind_named(kind).model] if kind else [each.model for each in kinds()]
    return jobs_page(request, models, paging, shown, status, lost=lost)


@router.post("/jobs/next", response={200: TakenOut, 204: None})
@needs(Scope.ENGINE)
def next_job(request: HttpRequest, body: NextIn) -> Any:
    """Take the oldest waiting job of these kinds; 204: none waits. With an Idempotency-Key it is taken once."""
    organization = caller_of(request).organization

    def act() -> tuple[int, Any]:
        taken = engines.take_next(body.kinds, engine=body.engine, by=by(request), organization=organization)
        if taken is None:
            return 204, None
        return 200, {"job": shown(taken.job), "fence": taken.fence, "lease_seconds": taken.lease_seconds}

    return once(request, act)


@router.post("/jobs/{job}/heartbeat", response={204: None})
@needs(Scope.ENGINE)
def heartbeat(request: HttpRequest, job: str, body: FenceIn) -> Any:
    """Say that the engine is alive."""
    engines.heartbeat(job, body.fence, organization=caller_of(request).organization)
    return Status(204, None)


@router.post("/jobs/{job}/progress", response={204: None})
@needs(Scope.ENGINE)
def progress(request: HttpRequest, job: str, body: ProgressIn) -> Any:
    """Say how far the job has come."""
    engines.progress(
        job,
        body.fence,
        sequence=body.sequence,
        percent=body.percent,
        bytes_done=body.bytes,
        bytes_total=body.bytes_total,
        operation=body.operation,
        disks=[disk.model_dump() for disk in body.disks],
        organization=caller_of(request).organization,
    )
    return Status(204, None)


@router.post("/jobs/{job}/advance", response=JobOut)
@needs(Scope.ENGINE)
def advance(request: HttpRequest, job: str, body: AdvanceIn) -> Any:
    """Move the job on within its work."""
    organization = caller_of(request).organization

    def act() -> Any:
        _note_snapshot(job, body, organization)
        return engines.advance(job, body.fence, body.to, by=by(request), organization=organization)

    return shown(whole(act)())


def _note_snapshot(job: str, body: CompleteIn, organization: Any) -> None:
    if body.snapshot_at is not None:
        find_kind(job, organization=organization).record_snapshot(job, body.fence, body.snapshot_at, organization)


@router.post("/jobs/{job}/complete", response=JobOut)
@needs(Scope.ENGINE)
def complete(request: HttpRequest, job: str, body: CompleteIn) -> Any:
    """What the engine does now has succeeded."""
    organization = caller_of(request).organization

    def act() -> Any:
        _note_snapshot(job, body, organization)
        return engines.complete(job, body.fence, by=by(request), organization=organization)

    return shown(whole(act)())


@router.get("/jobs/{job}/disks", response=WorkOut)
@needs(Scope.READ)
def work(request: HttpRequest, job: str) -> Any:
    """What a replication or a back-up copies: each disk, with the change id from which the source is asked for what has
    changed, or null where all of it is copied.
    """
    found = find_job(job, organization=caller_of(request).organization)
    return kind_of(found).work(found)


@router.put("/jobs/{job}/disks/{disk_id}", response=DiskOut)
@needs(Scope.ENGINE)
def put_disk(request: HttpRequest, job: str, disk_id: str, body: DiskIn) -> Any:
    """Say how the copy of one disk stands; said again, it changes nothing."""
    organization = caller_of(request).organization
    said = body.model_dump(exclude={"fence"}, exclude_none=True)
    return find_kind(job, organization=organization).record_disk(job, body.fence, disk_id, said, organization)


@router.post("/jobs/{job}/fail", response=JobOut)
@needs(Scope.ENGINE)
def fail(request: HttpRequest, job: str, body: FailIn) -> Any:
    """What the engine does now has failed, for this reason."""
    organization = caller_of(request).organization
    return shown(
        engines.fail(job, body.fence, code=body.code, message=body.message, by=by(request), organization=organization)
    )


@router.post("/jobs/{job}/cancel", response=JobOut)
@needs(Scope.OPERATE)
def cancel(request: HttpRequest, job: str, body: ReasonIn) -> Any:
    """End a job before its work is done."""
    return shown(people.cancel(job, by=by(request), reason=body.reason, organization=caller_of(request).organization))


@router.post("/jobs/{job}/take-over", response=FenceOut)
@needs(Scope.OPERATE)
def take_over(request: HttpRequest, job: str, body: TakeOverIn) -> Any:
    """Take a lost job from its engine; whoever gets the fence goes on with it or ends it."""
    organization = caller_of(request).organization
    fence = people.take_over(job, by=by(request), reason=body.reason, engine=body.engine, organization=organization)
    return {"fence": fence, "lease_seconds": claims.lease_seconds()}


@router.get("/jobs/{job}", response=JobOut)
@needs(Scope.READ)
def one_job(request: HttpRequest, job: str) -> Any:
    """A job of whichever kind."""
    return shown(find_job(job, organization=caller_of(request).organization))
