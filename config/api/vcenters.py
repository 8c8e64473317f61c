"""vCenters over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from config.api.callers import Scope, caller_of, needs
from config.api.paging import Page, Pages, Paging
from config.api.records import OMITTED, Line, Name, Records, Said, Secret, Seen, seen_version
from config.jobs.api import once
from inventory.models import Vcenter
from inventory.services.vcenters import change_vcenter, create_vcenter

router = Router(tags=["set-up"])

HostName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9._:-]+$")]


class VcenterSaid(Said):
    """`datacenter` null: all of them. `host` has to be one of DISCOVERY_ALLOWED_HOSTS. No answer holds the password."""

    name: Name = OMITTED
    host: HostName | None = OMITTED
    port: Annotated[int, Field(ge=1, le=65535, strict=True)] = OMITTED
    datacenter: Line | None = OMITTED
    username: Line | None = OMITTED
    password: Secret | None = OMITTED
    tls_policy: Literal["verify", "pinned", "insecure"] = OMITTED
    ca_certificate: Annotated[str, Field(min_length=1, max_length=100_000)] | None = OMITTED
    thumbprint: Annotated[str, Field(min_length=1, max_length=128)] | None = OMITTED
    is_default: bool = OMITTED


class VcenterIn(VcenterSaid):
    name: Name


class VcenterChange(VcenterSaid, Seen):
    """What is left out stays; with another host, port or trust the password is said again, or null."""


class VcenterOut(Schema):
    id: int
    name: str
    host: str | None
    port: int
    datacenter: str | None
    username: str | None
    has_password: bool
    tls_policy: str
    ca_certificate: str | None
    thumbprint: str | None
    is_default: bool
    created_at: datetime
    version: int


VCENTERS = Records("vCenter", VcenterOut, lambda organization: Vcenter.objects.filter(organization=organization))


@router.get("/vcenters", response=Page[VcenterOut])
@needs(Scope.READ)
def list_vcenters(request: HttpRequest, paging: Paging = Pages, name: str | None = None) -> Any:
    """The vCenters of the organisation; `name`: of exactly this name."""
    return VCENTERS.page(request, paging, name=name)


@router.get("/vcenters/{vcenter}", response=VcenterOut)
@needs(Scope.READ)
def one_vcenter(request: HttpRequest, response: HttpResponse, vcenter: int) -> Any:
    """One vCenter; its ETag is what a change names in If-Match."""
    return VCENTERS.one(request, response, vcenter)


@router.post("/vcenters", response={201: VcenterOut})
@needs(Scope.ADMIN)
def post_vcenter(request: HttpRequest, body: VcenterIn) -> Any:
    """Make a vCenter known; as the default it takes that from the one that was."""
    caller = caller_of(request)
    return once(request, lambda: VCENTERS.created(create_vcenter(caller.organization, body.columns(), by=caller.name)))


@router.patch("/vcenters/{vcenter}", response=VcenterOut)
@needs(Scope.ADMIN)
def patch_vcenter(request: HttpRequest, response: HttpResponse, vcenter: int, body: VcenterChange) -> Any:
    """Change what is said of a vCenter, and leave the rest."""
    row = VCENTERS.find(request, vcenter)
    changed = change_vcenter(row, body.columns(), version=seen_version(request, body), by=caller_of(request).name)
    return VCENTERS.tagged(response, changed)
