"""What a failover job freezes of its VM, as JSON of a published form (docs/evidence.md)."""

from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.forms.models import model_to_dict

from failover.facts import Facts
from inventory.models import VMContext, VMDisk, VMNetworkInterface
from replication.models import ReplicationJob, ReplicationStatus

SPEC_FORM = "source-vm-spec/1"
MAPPINGS_FORM = "network-mappings/1"
_SPEC = (
    *("name", "display_name", "os_type", "vm_tools_version", "power_state", "firmware", "vmware_uuid", "bios_setup"),
    *("memory_mb", "annotation"),
)


def to_freeze(vms: QuerySet[VMContext]) -> QuerySet[VMContext, Any]:
    """VMs with all that a failover job keeps of each, and the newest completed replication: as many queries for all
    as for one.
    """
    completed = ReplicationJob.objects.filter(vm_context=OuterRef("pk"), status=ReplicationStatus.COMPLETED)
    newest = completed.order_by("-completed_at").values("pk")[:1]
    disks = VMDisk.objects.filter(removed_at=None).order_by("device_key")
    nics = VMNetworkInterface.objects.filter(removed_at=None).order_by("nic_key")
    present = (Prefetch("disks", disks, "present_disks"), Prefetch("network_interfaces", nics, "present_nics"))
    told = vms.select_related("protection").prefetch_related(*present)
    return told.annotate(newest_replication=Subquery(newest))


def spec_of(vm: Any) -> dict[str, Any]:
    """The specification of a VM with its disks and network interfaces, of which None is what is not known.

    The VM is one of `to_freeze`.
    """
    protection = getattr(vm, "protection", None)
    return {
        "schema": SPEC_FORM,
        "vm_context_id": vm.pk,
        "rpo_seconds": protection and protection.rpo_seconds,
        "cpus": vm.cpu_count,
        **{name: getattr(vm, name) for name in _SPEC},
        "disks": [
            model_to_dict(
                disk, ["disk_id", "device_key", "capacity_bytes", "provisioning_type", "label", "unit_number"]
            )
            for disk in vm.present_disks
        ],
        "networks": [
            {
                "network_name": nic.source_network_name,
                "label": nic.label,
                "mac_address": nic.mac_address,
                "adapter_type": nic.adapter_type,
                "connected": nic.connected,
            }
            for nic in vm.present_nics
        ],
    }


def mappings_of(facts: Facts, kind: str) -> dict[str, Any]:
    """The mappings that a failover of this kind goes by."""
    return {
        "schema": MAPPINGS_FORM,
        "mappings": [
            {
                "source_network_name": mapping.source_network,
                "target_network_id": mapping.external_id,
                "target_network_name": mapping.network_name,
                "isolation": mapping.isolation,
                "target": mapping.target_name,
            }
            for mapping in facts.mappings
            if mapping.purpose == kind
        ],
    }
