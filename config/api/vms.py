"""VM contexts over HTTP: what all rooms know of one."""

from datetime import datetime
from typing import Any

from django.db.models import Prefetch
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema

from backups.queries import restorable_now
from config.api.callers import Scope, caller_of, needs
from config.api.paging import Page, Pages, Paging, newest_first
from config.jobs.api import JobOut, shown, vm_of
from config.jobs.kinds import kinds
from inventory.models import VMContext, VMDisk, VMNetworkInterface
from replication.models import ChangeId
from replication.rpo import rpo_of

router = Router(tags=["VM contexts"])
LAST_JOBS = 5


class RpoOut(Schema):
    """`state`: met, breached or unknown. Unknown is not good."""

    state: str
    age_seconds: float | None
    limit_seconds: int | None
    since: datetime | None
    reason: str


class VMOut(Schema):
    context_id: str
    name: str
    vcenter: str
    path: str | None
    power_state: str | None
    runs_at: str
    archived_at: datetime | None
    missing_since: datetime | None
    rpo: RpoOut
    holder_kind: str | None
    holder_id: str | None
    version: int


class CopyVolumeOut(Schema):
    """The volume in the target cloud that holds the copy of a disk."""

    volume_id: str
    volume_name: str
    status: str
    device_path: str | None
    size_bytes: int | None


class VMDiskOut(Schema):
    disk_id: str
    label: str | None
    capacity_bytes: int | None
    size_gb: int | None
    datastore: str | None
    change_id: str | None
    sync_status: str
    bytes_synced: int
    removed_at: datetime | None
    volume: CopyVolumeOut | None


class InterfaceOut(Schema):
    nic_key: str
    label: str | None
    source_network_name: str | None
    mac_address: str | None
    connected: bool | None
    removed_at: datetime | None


class VMDetailOut(VMOut):
    """One VM with all that is known of it; null is what nobody knows."""

    identity: str
    host: str | None
    cpu_count: int | None
    memory_mb: int | None
    os_type: str | None
    vmware_uuid: str | None
    disks: list[VMDiskOut]
    interfaces: list[InterfaceOut]
    last_jobs: list[JobOut]
    newest_restorable: str | None


class ChangeIdOut(Schema):
    disk_id: str
    generation: int
    change_id: str
    base_change_id: str | None
    snapshot_at: datetime
    is_base: bool
    invalid_reason: str | None


def _shown(vm: VMContext, rpo: Any) -> dict[str, Any]:
    claim = getattr(vm, "operation_claim", None)
    return {
        "context_id": vm.pk,
        "name": vm.name,
        "vcenter": vm.vcenter.name,
        "path": vm.path,
        "power_state": vm.power_state,
        "runs_at": vm.runs_at,
        "archived_at": vm.archived_at,
        "missing_since": vm.missing_since,
        "rpo": {
            "state": rpo.state.value,
            "age_seconds": rpo.age_seconds,
            "limit_seconds": rpo.limit_seconds,
            "since": rpo.since,
            "reason": rpo.reason,
        },
        "holder_kind": claim.holder_kind if claim else None,
        "holder_id": claim.holder_id if claim else None,
        "version": vm.version,
    }


@router.get("/vm-contexts", response=Page[VMOut])
@needs(Scope.READ)
def list_vms(request: HttpRequest, paging: Paging = Pages, name: str | None = None, archived: bool = False) -> Any:
    """The VMs of the organisation, those that were found last first; `name`: of exactly this name."""
    rows = VMContext.objects.select_related("vcenter", "operation_claim")
    rows = rows.filter(vcenter__organization=caller_of(request).organization, archived_at__isnull=not archived)
    page = newest_first([(rows.filter(name=name) if name else rows, "pk")], paging, lambda vm: vm)
    answers = rpo_of(page["items"], timezone.now())
    return {**page, "items": [_shown(vm, answers[vm.pk]) for vm in page["items"]]}


def _volume(volume: Any) -> dict[str, Any] | None:
    return None if volume is None else {name: getattr(volume, name) for name in CopyVolumeOut.model_fields}


@router.get("/vm-contexts/{context_id}", response=VMDetailOut)
@needs(Scope.READ)
def one_vm(request: HttpRequest, context_id: str) -> Any:
    """One VM with its disks, interfaces, host, claim, last jobs, RPO and newest restore point."""
    key = vm_of(request, context_id).pk
    vm = (
        VMContext.objects.select_related("vcenter", "host", "operation_claim")
        .prefetch_related(
            Prefetch("disks", VMDisk.objects.select_related("target_volume").order_by("device_key")),
            Prefetch("network_interfaces", VMNetworkInterface.objects.order_by("nic_key")),
        )
        .get(pk=key)
    )
    last = [
        job
        for kind in kinds()
        for job in kind.model.objects.filter(**{kind.model.VM: key})
        .select_related(kind.model.VM)
        .order_by("-created_at")[:LAST_JOBS]
    ]
    last.sort(key=lambda job: job.created_at, reverse=True)
    newest = restorable_now([key]).get(key)
    names = ("identity", "cpu_count", "memory_mb", "os_type", "vmware_uuid")
    return {
        **_shown(vm, rpo_of([vm], timezone.now())[key]),
        **{name: getattr(vm, name) for name in names},
        "host": vm.host.name if vm.host else None,
        "disks": [
            {
                **{name: getattr(disk, name, None) for name in VMDiskOut.model_fields},
                "change_id": disk.disk_change_id,
                "volume": _volume(getattr(disk, "target_volume", None)),
            }
            for disk in vm.disks.all()
        ],
        "interfaces": [
            {name: getattr(each, name) for name in InterfaceOut.model_fields} for each in vm.network_interfaces.all()
        ],
        "last_jobs": [shown(job) for job in last[:LAST_JOBS]],
        "newest_restorable": newest.point.id if newest else None,
    }


@router.get("/vm-contexts/{context_id}/change-ids", response=list[ChangeIdOut])
@needs(Scope.READ)
def change_ids(request: HttpRequest, context_id: str) -> Any:
    """The change ids of the disks, of each the newest first; `is_base`: an incremental run goes on from it."""
    rows = ChangeId.objects.filter(vm_disk__vm_context=vm_of(request, context_id)).select_related("vm_disk")
    bases = set(rows.bases().values_list("pk", flat=True))
    return [
        {
            "disk_id": row.vm_disk.disk_id,
            "generation": row.generation,
            "change_id": row.change_id,
            "base_change_id": row.base_change_id,
            "snapshot_at": row.snapshot_at,
            "is_base": row.pk in bases,
            "invalid_reason": row.invalid_reason,
        }
        for row in rows.order_by("vm_disk__device_key", "-generation")[:1000]
    ]
