"""Where the networks of VMs lead, over HTTP."""

from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import Field

from config.api.callers import Scope, caller_of, needs
from config.api.numbers import Key
from config.api.paging import Page, Pages, Paging
from config.api.records import Records, Seen, seen_version
from config.jobs.api import by, once, vm_of
from failover.api_networks import NETWORKS
from failover.models import NetworkMapping
from failover.queries import mapping_gaps
from failover.services.mappings import change_mapping, delete_mapping, set_mapping
from inventory.models import VMContext

router = Router(tags=["failover"])


class MappingIn(Schema):
    context_id: str = Field(max_length=191)
    source_network_name: str = Field(min_length=1, max_length=255)
    purpose: Literal["test", "live"]
    target_network_id: Key
    version: Key | None = None


class MappingChange(Seen):
    target_network_id: Key


class MappingOut(Schema):
    id: int
    context_id: str
    source_network_name: str
    purpose: str
    target_network_id: int
    target_network_name: str
    version: int


class MappingGapOut(Schema):
    """An interface that a failover could not connect; one whose source network has no name can have no mapping."""

    vm_context_id: str
    vm_name: str
    nic_key: str
    label: str | None
    source_network_name: str | None
    has_live: bool
    has_test: bool


MAPPINGS = Records(
    "network mapping",
    MappingOut,
    lambda organization: NetworkMapping.objects.select_related("target_network").filter(
        vm_context__vcenter__organization=organization
    ),
    lambda row: {"context_id": row.vm_context_id, "target_network_name": row.target_network.name},
)


@router.get("/network-mappings", response=Page[MappingOut])
@needs(Scope.READ)
def list_mappings(request: HttpRequest, paging: Paging = Pages, context_id: str | None = None) -> Any:
    """Where the networks of VMs lead."""
    return MAPPINGS.page(request, paging, vm_context=context_id)


@router.get("/network-mappings/gaps", response=list[MappingGapOut])
@needs(Scope.READ)
def list_gaps(request: HttpRequest) -> Any:
    """The interfaces that lead nowhere, for a test, live, or both."""
    organization = caller_of(request).organization
    return list(mapping_gaps(VMContext.objects.managed().filter(vcenter__organization=organization))[:10_000])


@router.post("/network-mappings", response={201: MappingOut})
@needs(Scope.OPERATE)
def put_mapping(request: HttpRequest, body: MappingIn) -> Any:
    """Lead a source network of a VM to a target network; with `version`, only where the mapping is still that one."""

    def act() -> tuple[int, Any]:
        vm = vm_of(request, body.context_id)
        network = NETWORKS.find(request, body.target_network_id)
        row = set_mapping(vm, body.source_network_name, body.purpose, network, by=by(request), version=body.version)
        return 201, MAPPINGS.shown(row)

    return once(request, act)


@router.get("/network-mappings/{mapping}", response=MappingOut)
@needs(Scope.READ)
def one_mapping(request: HttpRequest, response: HttpResponse, mapping: int) -> Any:
    """One mapping; its ETag is what a change names in If-Match."""
    return MAPPINGS.one(request, response, mapping)


@router.patch("/network-mappings/{mapping}", response=MappingOut)
@needs(Scope.OPERATE)
def patch_mapping(request: HttpRequest, response: HttpResponse, mapping: int, body: MappingChange) -> Any:
    """Lead a mapping to another target network."""
    row = MAPPINGS.find(request, mapping)
    network = NETWORKS.find(request, body.target_network_id)
    changed = change_mapping(row, network, version=seen_version(request, body), by=by(request))
    return MAPPINGS.tagged(response, changed)


@router.delete("/network-mappings/{mapping}", response={204: None})
@needs(Scope.OPERATE)
def remove_mapping(request: HttpRequest, mapping: int) -> Any:
    """Delete one mapping."""
    delete_mapping(MAPPINGS.find(request, mapping), by=by(request))
    return Status(204, None)
