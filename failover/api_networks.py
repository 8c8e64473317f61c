"""The networks of targets over HTTP: they lie beside the mappings that lead to them and decide what they may be."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from config.api.callers import Scope, needs
from config.api.numbers import Key, PathKey
from config.api.paging import Page, Pages, Paging
from config.api.records import OMITTED, Line, Records, Said, Seen, seen_version
from config.jobs.api import by, once
from failover.services.networks import change_network, create_network
from replication.api_setup import TARGETS
from replication.models import TargetNetwork

router = Router(tags=["set-up"])

Isolation = Literal["production", "isolated", "unknown"]


class NetworkSaid(Said):
    """`isolation`: only an isolated network may carry a test, and it carries nothing else."""

    name: Line = OMITTED
    isolation: Isolation = OMITTED


class NetworkIn(NetworkSaid):
    """`external_id`: as the cloud calls it."""

    target_id: Key
    external_id: Annotated[str, Field(min_length=1, max_length=191, pattern=r"\S")]
    name: Line


class NetworkChange(NetworkSaid, Seen):
    """What is left out stays."""


class NetworkOut(Schema):
    id: int
    target_id: int
    target_name: str
    external_id: str
    name: str
    isolation: str
    created_at: datetime
    version: int


NETWORKS = Records(
    "target network",
    NetworkOut,
    lambda organization: TargetNetwork.objects.select_related("target").filter(target__organization=organization),
    lambda row: {"target_name": row.target.name},
)


@router.get("/target-networks", response=Page[NetworkOut])
@needs(Scope.READ)
def list_networks(
    request: HttpRequest, paging: Paging = Pages, target_id: PathKey | None = None, isolation: Isolation | None = None
) -> Any:
    """The networks of the targets."""
    return NETWORKS.page(request, paging, target=target_id, isolation=isolation)


@router.get("/target-networks/{network}", response=NetworkOut)
@needs(Scope.READ)
def one_network(request: HttpRequest, response: HttpResponse, network: int) -> Any:
    """One network of a target; its ETag is what a change names in If-Match."""
    return NETWORKS.one(request, response, network)


@router.post("/target-networks", response={201: NetworkOut})
@needs(Scope.ADMIN)
def post_network(request: HttpRequest, body: NetworkIn) -> Any:
    """Make a network of a target known."""

    def act() -> tuple[int, Any]:
        target = TARGETS.find(request, body.target_id)
        return NETWORKS.created(create_network(target, body.columns("target_id"), by=by(request)))

    return once(request, act)


@router.patch("/target-networks/{network}", response=NetworkOut)
@needs(Scope.ADMIN)
def patch_network(request: HttpRequest, response: HttpResponse, network: int, body: NetworkChange) -> Any:
    """Change what is said of a network; 409 where a mapping relies on how isolated it is."""
    row = NETWORKS.find(request, network)
    changed = change_network(row, body.columns(), version=seen_version(request, body), by=by(request))
    return NETWORKS.tagged(response, changed)
