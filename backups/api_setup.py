"""Where back-up copies lie and how long they are kept, over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from backups.models import BackupPolicy, BackupRepository
from backups.services.setup import change_policy, change_repository, create_policy, create_repository
from config.api.callers import Scope, caller_of, needs
from config.api.numbers import SMALL, Count
from config.api.paging import Page, Pages, Paging
from config.api.records import OMITTED, Code, Name, Records, Said, Secret, Seen, seen_version
from config.jobs.api import by, once

router = Router(tags=["set-up"])

Kind = Literal["directory", "nfs", "s3", "pbs"]
Location = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"\S")]
Number = Annotated[int, Field(ge=0, le=SMALL, strict=True)]


class RepositorySaid(Said):
    """`location` holds no credentials, as everybody may read it; no answer holds those."""

    name: Name = OMITTED
    kind: Kind = OMITTED
    location: Location = OMITTED
    credentials: Secret | None = OMITTED
    capacity_bytes: Count | None = OMITTED
    immutable_days: Number | None = OMITTED


class RepositoryIn(RepositorySaid):
    name: Name
    kind: Kind
    location: Location


class RepositoryChange(RepositorySaid, Seen):
    """What is left out stays; with another kind or location the credentials are said again, or null."""


class RepositoryOut(Schema):
    """null is what nobody knows."""

    id: int
    name: str
    kind: str
    location: str
    has_credentials: bool
    capacity_bytes: int | None
    immutable_days: int | None
    created_at: datetime
    version: int


class PolicySaid(Said):
    """How many restore points are kept, the newest of each period. One that keeps nothing is refused."""

    name: Name = OMITTED
    keep_last: Number = OMITTED
    keep_hourly: Number = OMITTED
    keep_daily: Number = OMITTED
    keep_weekly: Number = OMITTED
    keep_monthly: Number = OMITTED
    keep_yearly: Number = OMITTED
    time_zone: Code = OMITTED
    verify_after_days: Annotated[int, Field(ge=1, le=SMALL, strict=True)] | None = OMITTED


class PolicyIn(PolicySaid):
    name: Name


class PolicyChange(PolicySaid, Seen):
    """What is left out stays."""


class PolicyOut(Schema):
    id: int
    name: str
    keep_last: int
    keep_hourly: int
    keep_daily: int
    keep_weekly: int
    keep_monthly: int
    keep_yearly: int
    time_zone: str
    verify_after_days: int | None
    created_at: datetime
    version: int


REPOSITORIES = Records(
    "repository",
    RepositoryOut,
    lambda organization: BackupRepository.objects.filter(organization=organization),
)
POLICIES = Records("policy", PolicyOut, lambda organization: BackupPolicy.objects.filter(organization=organization))


@router.get("/repositories", response=Page[RepositoryOut])
@needs(Scope.READ)
def list_repositories(request: HttpRequest, paging: Paging = Pages, name: str | None = None) -> Any:
    """Where back-up copies lie; `name`: the repository of exactly this name."""
    return REPOSITORIES.page(request, paging, name=name)


@router.get("/repositories/{repository}", response=RepositoryOut)
@needs(Scope.READ)
def one_repository(request: HttpRequest, response: HttpResponse, repository: int) -> Any:
    """One repository; its ETag is what a change names in If-Match."""
    return REPOSITORIES.one(request, response, repository)


@router.post("/repositories", response={201: RepositoryOut})
@needs(Scope.ADMIN)
def post_repository(request: HttpRequest, body: RepositoryIn) -> Any:
    """Make a repository known."""
    organization = caller_of(request).organization
    return once(
        request,
        lambda: REPOSITORIES.created(create_repository(organization, body.columns(), by=by(request))),
    )


@router.patch("/repositories/{repository}", response=RepositoryOut)
@needs(Scope.ADMIN)
def patch_repository(request: HttpRequest, response: HttpResponse, repository: int, body: RepositoryChange) -> Any:
    """Change what is said of a repository, and leave the rest."""
    row = REPOSITORIES.find(request, repository)
    changed = change_repository(row, body.columns(), version=seen_version(request, body), by=by(request))
    return REPOSITORIES.tagged(response, changed)


@router.get("/policies", response=Page[PolicyOut])
@needs(Scope.READ)
def list_policies(request: HttpRequest, paging: Paging = Pages, name: str | None = None) -> Any:
    """How long copies are kept; `name`: the policy of exactly this name."""
    return POLICIES.page(request, paging, name=name)


@router.get("/policies/{policy}", response=PolicyOut)
@needs(Scope.READ)
def one_policy(request: HttpRequest, response: HttpResponse, policy: int) -> Any:
    """One policy; its ETag is what a change names in If-Match."""
    return POLICIES.one(request, response, policy)


@router.post("/policies", response={201: PolicyOut})
@needs(Scope.ADMIN)
def post_policy(request: HttpRequest, body: PolicyIn) -> Any:
    """Make a policy; one that keeps nothing is refused."""
    organization = caller_of(request).organization
    return once(request, lambda: POLICIES.created(create_policy(organization, body.columns(), by=by(request))))


@router.patch("/policies/{policy}", response=PolicyOut)
@needs(Scope.ADMIN)
def patch_policy(request: HttpRequest, response: HttpResponse, policy: int, body: PolicyChange) -> Any:
    """Change how long copies are kept, and leave the rest."""
    row = POLICIES.find(request, policy)
    changed = change_policy(row, body.columns(), version=seen_version(request, body), by=by(request))
    return POLICIES.tagged(response, changed)
