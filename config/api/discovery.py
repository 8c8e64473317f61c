"""Discovery over HTTP: at once for VMs that are named, by a worker for a whole vCenter."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field, model_validator

from config.api.callers import Scope, caller_of, needs
from config.api.numbers import MOST, Key, PathKey
from config.api.paging import Page, Pages, Paging, newest_first
from config.api.records import Line, Said, Secret, record_of
from config.api.vcenters import HostName
from config.jobs.api import once, once_outside
from config.refusals import Invalid
from inventory.models import DiscoveryOutcome, DiscoveryRun, Outcome, RunStatus, Vcenter
from inventory.secret_fields import SecretUnreadable
from inventory.services.discovery import discover
from inventory.services.queue import request_run
from inventory.services.reports import Report
from inventory.services.vcenters import FileVcenters, Unresolved, open_vcenter, refuse_strange_host, same_vcenter
from inventory.services.writing import VMOutcome
from inventory.sources.records import Source, SourceError

router = Router(tags=["discovery"])

NAMES = 100
"""How many VMs a call may name: it is answered when all of them have been read."""
SHOWN = 1_000
STORED = frozenset({Outcome.ADDED, Outcome.UPDATED, Outcome.UNCHANGED})

VMNames = Annotated[list[Line], Field(min_length=1, max_length=NAMES)]


class SourceIn(Said):
    """A stored vCenter by its `credential_id`, or one of DISCOVERY_ALLOWED_HOSTS by `vcenter`, `username`, `password`.

    The password is used for this call and stored nowhere. How a certificate is trusted is set on the stored vCenter
    of that host; else it is verified.
    """

    credential_id: Key | None = None
    vcenter: HostName | None = None
    port: Annotated[int, Field(ge=1, le=65535, strict=True)] = 443
    username: Line | None = None
    password: Secret | None = None
    datacenter: Line | None = None

    @model_validator(mode="after")
    def one_source(self) -> "SourceIn":
        spoken = (self.vcenter, self.username, self.password)
        if self.credential_id is None and None in spoken:
            raise ValueError("Say credential_id, or vcenter, username and password")
        if self.credential_id is not None and any((*spoken, self.datacenter)):
            raise ValueError("Say credential_id alone: stored credentials are sent to their own vCenter only")
        return self


class AddIn(SourceIn):
    vm_names: VMNames
    added_by: Line | None = None


class PreviewIn(SourceIn):
    """Without `vm_names`: all VMs of the vCenter, as far as there is time."""

    vm_names: Annotated[list[Line], Field(max_length=NAMES)] = []


class ProcessedOut(Schema):
    """What became of one name that was asked for; `success`: it is under management now."""

    vm_name: str
    success: bool
    outcome: str
    context_id: str | None
    error: str | None


class AddOut(Schema):
    """`success` only if none failed."""

    success: bool
    message: str
    vms_added: int
    vms_failed: int
    total_vms: int
    added_at: datetime
    processed_vms: list[ProcessedOut]


class OutcomeOut(Schema):
    """`changes`: field by field what was and what is; null where nothing changes."""

    vm_name: str
    outcome: str
    context_id: str | None
    reason: str | None
    changes: dict[str, Any] | None


class PreviewOut(Schema):
    """What discovery would do; nothing was written. `counts` are of all, `outcomes` the first of those that change."""

    counts: dict[str, int]
    outcomes: list[OutcomeOut]


class RunIn(Said):
    credential_id: Key
    vm_names: Annotated[list[Line], Field(max_length=10_000)] = []


class RunOut(Schema):
    """`lost`: who reads the source has not reported for longer than it may; a worker ends it and begins it again."""

    id: int
    vcenter_id: int
    vcenter_name: str
    status: str
    lost: bool
    attempt: int
    added_by: str | None
    names_asked_for: list[str] | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    counts: dict[str, int]
    findings_total: int
    error_code: str | None
    error_message: str | None


class RunDetailOut(RunOut):
    """`next`: what to say as `after` for the outcomes that follow; null where there are no more."""

    findings: list[Any]
    outcomes: list[OutcomeOut]
    next: int | None


@dataclass(frozen=True)
class Reading:
    """A vCenter that is about to be read, and whose VMs it holds."""

    source: Source
    name: str
    find_vcenter: Any

    def read(self, names: list[str], by: str, *, dry_run: bool) -> Report:
        """Raises Refusal with the code of the source where it cannot be read."""
        try:
            return discover(
                self.source,
                source_name=self.name,
                find_vcenter=self.find_vcenter,
                by=by,
                names=names,
                dry_run=dry_run,
            )
        except SourceError as error:
            raise Invalid(str(error), code=error.code) from None


def _stored(request: HttpRequest, key: int) -> Vcenter:
    mine = Vcenter.objects.select_related("organization").filter(organization=caller_of(request).organization)
    row: Vcenter = record_of(mine, key, "vCenter")
    return row


def _reading(request: HttpRequest, body: SourceIn, *, dry_run: bool) -> Reading:
    """Raises NotFound, and Invalid for a host that is not allowed or a vCenter that nobody could read."""
    limit = settings.DISCOVERY_REQUEST_SECONDS or None
    try:
        if body.credential_id is not None:
            vcenter = _stored(request, body.credential_id)
            source = open_vcenter(vcenter, time_limit=limit)
            return Reading(source, vcenter.host or vcenter.name, same_vcenter(vcenter, dry_run=dry_run))
        refuse_strange_host(body.vcenter, body.port)
        organization = caller_of(request).organization
        source = open_vcenter(_spoken(organization, body), time_limit=limit)
    except (Unresolved, SecretUnreadable) as error:
        raise Invalid(str(error), code="no_credentials") from None
    return Reading(source, str(body.vcenter), FileVcenters(organization, None, dry_run))


def _spoken(organization: Any, body: SourceIn) -> Vcenter:
    """A vCenter that is not stored, with what the caller says; trusted as the stored one of that host and port."""
    said = {name: getattr(body, name) for name in ("port", "username", "password", "datacenter")}
    trusted = Vcenter.objects.filter(organization=organization, host=body.vcenter, port=body.port).first()
    trust = {name: getattr(trusted, name) for name in ("tls_policy", "ca_certificate", "thumbprint")} if trusted else {}
    return Vcenter(organization=organization, name=body.vcenter or "", host=body.vcenter, **said, **trust)


@router.post("/discovery/add-vms", response=AddOut)
@needs(Scope.DISCOVER)
def add_vms(request: HttpRequest, body: AddIn) -> Any:
    """Take VMs under management, with all their disks and network interfaces; one entry for every name asked for."""

    def act() -> tuple[int, Any]:
        caller = caller_of(request).name
        by = f"{body.added_by} ({caller})" if body.added_by else caller
        report = _reading(request, body, dry_run=False).read(body.vm_names, by[:255], dry_run=False)
        return 200, _added(report)

    return once_outside(request, act)


def _added(report: Report) -> dict[str, Any]:
    by_name: dict[str, list[VMOutcome]] = {name: [] for name in report.names}
    for each in report.outcomes:
        if each.name in by_name:
            by_name[each.name].append(each)
    entries = [_processed(name, each) for name, found in by_name.items() for each in found]
    entries += [_left_out(name) for name, found in by_name.items() if not found]
    failed = sum(not entry["success"] for entry in entries)
    added = sum(entry["outcome"] == Outcome.ADDED for entry in entries)
    known = len(entries) - failed - added
    message = f"{added} added, {known} known before, {failed} failed of {len(entries)}."
    body = {
        "success": not failed,
        "message": message,
        "vms_added": added,
        "vms_failed": failed,
        "total_vms": len(entries),
        "added_at": timezone.now(),
        "processed_vms": entries,
    }
    return AddOut.model_validate(body).model_dump(mode="json")


def _left_out(name: str) -> dict[str, Any]:
    error = "The source has this name and no VM to add under it: it was left out on purpose, as a template is."
    return {"vm_name": name, "success": False, "outcome": "failed", "context_id": None, "error": error}


def _processed(name: str, found: VMOutcome) -> dict[str, Any]:
    return {
        "vm_name": name,
        "success": found.outcome in STORED,
        "outcome": str(found.outcome),
        "context_id": found.context_id,
        "error": found.reason,
    }


@router.post("/discovery/preview", response=PreviewOut)
@needs(Scope.DISCOVER)
def preview(request: HttpRequest, body: PreviewIn) -> Any:
    """What discovery would add, change and miss; nothing is written."""
    report = _reading(request, body, dry_run=True).read(body.vm_names, caller_of(request).name, dry_run=True)
    shown = [each for each in report.outcomes if each.outcome != Outcome.UNCHANGED or report.names]
    return {"counts": report.counts, "outcomes": [_outcome(each, each.name) for each in shown[:SHOWN]]}


def _outcome(each: Any, name: str) -> dict[str, Any]:
    return {
        "vm_name": name,
        "outcome": str(each.outcome),
        "context_id": each.context_id if isinstance(each, VMOutcome) else each.vm_context_id,
        "reason": each.reason,
        "changes": each.changes,
    }


def _runs(request: HttpRequest) -> Any:
    mine = DiscoveryRun.objects.filter(vcenter__organization=caller_of(request).organization)
    return mine.select_related("vcenter").with_silence()


def _run(row: DiscoveryRun) -> dict[str, Any]:
    assert row.vcenter is not None
    own = {"id": row.pk, "vcenter_name": row.vcenter.name, "lost": row.is_lost}
    names = set(RunOut.model_fields) - set(own)
    body = {**own, **{name: getattr(row, name) for name in names}}
    if row.status == RunStatus.WAITING:
        body["started_at"] = None
    return RunOut.model_validate(body).model_dump(mode="json")


@router.post("/discovery/runs", response={201: RunOut})
@needs(Scope.DISCOVER)
def post_run(request: HttpRequest, body: RunIn) -> Any:
    """Have a worker discover a stored vCenter, or only its VMs of these names."""

    def act() -> tuple[int, Any]:
        vcenter = _stored(request, body.credential_id)
        try:
            run = request_run(vcenter, body.vm_names, by=caller_of(request).name)
        except (Unresolved, SecretUnreadable) as error:
            raise Invalid(str(error), code="no_credentials") from None
        return 201, _run(_runs(request).get(pk=run.pk))

    return once(request, act)


@router.get("/discovery/runs", response=Page[RunOut])
@needs(Scope.READ)
def list_runs(
    request: HttpRequest, paging: Paging = Pages, credential_id: PathKey | None = None, status: RunStatus | None = None
) -> Any:
    """What discovery did and is about to do, the newest first."""
    rows = _runs(request)
    rows = rows.filter(vcenter=credential_id) if credential_id is not None else rows
    rows = rows.filter(status=status.value) if status else rows
    return newest_first([(rows, "pk")], paging, _run)


@router.get("/discovery/runs/{run}", response=RunDetailOut)
@needs(Scope.READ)
def one_run(request: HttpRequest, run: int, after: Annotated[int, Query(ge=0, le=MOST)] = 0) -> Any:
    """One run with its outcomes, a thousand at a time."""
    row = record_of(_runs(request), run, "discovery run")
    found = list(DiscoveryOutcome.objects.filter(run=row, pk__gt=after).order_by("pk")[: SHOWN + 1])
    following = found[SHOWN - 1].pk if len(found) > SHOWN else None
    outcomes = [_outcome(each, each.vm_name) for each in found[:SHOWN]]
    return {**_run(row), "findings": row.findings, "outcomes": outcomes, "next": following}
