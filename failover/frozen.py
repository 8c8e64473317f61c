"""What a failover job freezes of its VM, as JSON of a published form (docs/evidence.md)."""

from typing import Any

from django.forms.models import model_to_dict

from failover.facts import Facts
from inventory.models import VMContext

SPEC_FORM = "source-vm-spec/1"
MAPPINGS_FORM = "network-mappings/1"
_SPEC = (
    *("name", "display_name", "os_type", "vm_tools_version", "power_state", "firmware", "vmware_uuid", "bios_setup"),
    *("memory_mb", "annotation"),
)


def spec_of(vm: VMContext) -> dict[str, Any]:
    """The specification of a VM with its disks and network interfaces, of which None is what is not known."""
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
            for disk in vm.disks.filter(removed_at=None).order_by("device_key")
        ],
        "networks": [
            {
                "network_name": nic.source_network_name,
                "label": nic.label,
                "mac_address": nic.mac_address,
                "adapter_type": nic.adapter_type,
                "connected": nic.connected,
            }
            for nic in vm.network_interfaces.filter(removed_at=None).order_by("nic_key")
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
