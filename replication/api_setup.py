"""Targets, and what is protected, over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from config.api.callers import Scope, caller_of, needs
from config.api.numbers import SMALL, Key
from config.api.paging import Page, Pages, Paging
from config.api.records import OMITTED, Code, Line, Name, Records, Said, Secret, Seen, seen_version
from config.jobs.api import by, once, vm_of
from replication.models import Protection, Target
from replication.services.setup import change_protection, change_target, create_target, protect_vm

router = Router(tags=["set-up"])

Url = Annotated[str, Field(max_length=512, pattern=r"^https?://[^\s/]+\S*$")]
Rpo = Annotated[int, Field(ge=1, le=SMALL, strict=True)]


class TargetSaid(Said):
    """A CloudStack cloud. No answer holds the keys."""

    name: Name = OMITTED
    api_url: Url = OMITTED
    api_key: Secret | None = OMITTED
    secret_key: Secret | None = OMITTED
    domain: Line | None = OMITTED
    zone: Line | None = OMITTED
    template_id: Code | None = OMITTED
    service_offering_id: Code | None = OMITTED
    disk_offering_id: Code | None = OMITTED
    is_default: bool = OMITTED


class TargetIn(TargetSaid):
    name: Name
    api_url: Url


class TargetChange(TargetSaid, Seen):
    """What is left out stays; with another api_url the keys are said again, or null."""


class TargetOut(Schema):
    id: int
    name: str
    api_url: str
    has_api_key: bool
    has_secret_key: bool
    domain: str | None
    zone: str | None
    template_id: str | None
    service_offering_id: str | None
    disk_offering_id: str | None
    is_default: bool
    created_at: datetime
    version: int


class ProtectionSaid(Said):
    """`rpo_seconds`: how old the newest complete copy may be; `schedule`: a cron expression in UTC, null: by hand."""

    target_id: Key = OMITTED
    rpo_seconds: Rpo = OMITTED
    schedule: Line | None = OMITTED
    enabled: bool = OMITTED


class ProtectionIn(ProtectionSaid):
    context_id: str = Field(max_length=191)
    target_id: Key
    rpo_seconds: Rpo


class ProtectionChange(ProtectionSaid, Seen):
    """What is left out stays."""


class ProtectionOut(Schema):
    id: int
    context_id: str
    vm_name: str
    target_id: int
    target_name: str
    rpo_seconds: int
    schedule: str | None
    enabled: bool
    created_at: datetime
    version: int


def _of_the_vm(row: Protection) -> dict[str, Any]:
    return {"context_id": row.vm_context_id, "vm_name": row.vm_context.name, "target_name": row.target.name}


TARGETS = Records("target", TargetOut, lambda organization: Target.objects.filter(organization=organization))
PROTECTIONS = Records(
    "protection",
    ProtectionOut,
    lambda organization: Protection.objects.select_related("vm_context__vcenter", "target").filter(
        vm_context__vcenter__organization=organization
    ),
    _of_the_vm,
)


@router.get("/targets", response=Page[TargetOut])
@needs(Scope.READ)
def list_targets(request: HttpRequest, paging: Paging = Pages, name: str | None = None) -> Any:
    """The targets of the organisation; `name`: of exactly this name."""
    return TARGETS.page(request, paging, name=name)


@router.get("/targets/{target}", response=TargetOut)
@needs(Scope.READ)
def one_target(request: HttpRequest, response: HttpResponse, target: int) -> Any:
    """One target; its ETag is what a change names in If-Match."""
    return TARGETS.one(request, response, target)


@router.post("/targets", response={201: TargetOut})
@needs(Scope.ADMIN)
def post_target(request: HttpRequest, body: TargetIn) -> Any:
    """Make a target known; as the default it takes that from the one that was."""
    organization = caller_of(request).organization
    return once(request, lambda: TARGETS.created(create_target(organization, body.columns(), by=by(request))))


@router.patch("/targets/{target}", response=TargetOut)
@needs(Scope.ADMIN)
def patch_target(request: HttpRequest, response: HttpResponse, target: int, body: TargetChange) -> Any:
    """Change what is said of a target, and leave the rest."""
    row = TARGETS.find(request, target)
    changed = change_target(row, body.columns(), version=seen_version(request, body), by=by(request))
    return TARGETS.tagged(response, changed)


@router.get("/protections", response=Page[ProtectionOut])
@needs(Scope.READ)
def list_protections(
    request: HttpRequest, paging: Paging = Pages, context_id: str | None = None, enabled: bool | None = None
) -> Any:
    """Which VMs are protected, by which target and how often."""
    return PROTECTIONS.page(request, paging, vm_context=context_id, enabled=enabled)


@router.get("/protections/{protection}", response=ProtectionOut)
@needs(Scope.READ)
def one_protection(request: HttpRequest, response: HttpResponse, protection: int) -> Any:
    """How one VM is protected; its ETag is what a change names in If-Match."""
    return PROTECTIONS.one(request, response, protection)


@router.post("/protections", response={201: ProtectionOut})
@needs(Scope.OPERATE)
def post_protection(request: HttpRequest, body: ProtectionIn) -> Any:
    """Protect a VM; 409 where it is."""

    def act() -> tuple[int, Any]:
        vm = vm_of(request, body.context_id)
        target = TARGETS.find(request, body.target_id)
        return PROTECTIONS.created(protect_vm(vm, target, body.columns("context_id", "target_id"), by=by(request)))

    return once(request, act)


@router.patch("/protections/{protection}", response=ProtectionOut)
@needs(Scope.OPERATE)
def patch_protection(request: HttpRequest, response: HttpResponse, protection: int, body: ProtectionChange) -> Any:
    """Change how a VM is protected, and leave the rest."""
    row = PROTECTIONS.find(request, protection)
    target = TARGETS.find(request, body.target_id) if body.target_id else None
    seen = seen_version(request, body)
    changed = change_protection(row, body.columns("target_id"), version=seen, by=by(request), target=target)
    return PROTECTIONS.tagged(response, changed)
