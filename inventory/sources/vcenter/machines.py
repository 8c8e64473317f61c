"""One VM out of its properties, with all its disks and network interfaces, or a finding that says why not."""

from typing import Any

from pyVmomi import vim

from inventory.sources.facts import datastore_of
from inventory.sources.records import Disk, Finding, NetworkInterface, VirtualMachine
from inventory.sources.vcenter.collector import Row, Wanted, text_of
from inventory.sources.vcenter.estate import Estate

_DEVICES = "config.hardware.device"
PROPERTIES: Wanted = {
    vim.VirtualMachine: [
        "name",
        "config.instanceUuid",
        "config.uuid",
        "config.guestId",
        "config.firmware",
        "config.annotation",
        "config.template",
        "config.changeTrackingEnabled",
        "config.files.vmPathName",
        "config.hardware.numCPU",
        "config.hardware.memoryMB",
        _DEVICES,
        "guest.toolsVersion",
        "runtime.host",
        "runtime.powerState",
        "runtime.connectionState",
    ]
}
_DEVICE = vim.vm.device
_CARD_BACKING = _DEVICE.VirtualEthernetCard


def unreadable(row: Row) -> Finding | None:
    """Why this VM is left out, if it is."""
    if any(isinstance(fault, vim.fault.NoPermission) for fault in row.faults.values()):
        return _left_out(
            row,
            "vm_not_permitted",
            "the user may see this VM, but not read it; give the user the role Read-only on it.",
        )
    if row.faults or row.get(_DEVICES) is None or row.name is None:
        state = row.get("runtime.connectionState") or "unknown"
        return _left_out(
            row,
            "vm_unreadable",
            f"vCenter has no configuration of this VM (connection state: {state}); "
            "reconnect its host, or register it again, then run discovery again.",
        )
    return None


def _left_out(row: Row, code: str, reason: str) -> Finding:
    return Finding(
        code=code,
        message=f"{row.name or row.moref}: {reason}",
        vm_name=row.name,
        moref=row.moref,
        instance_uuid=_lower(row.text("config.instanceUuid")),
    )


def doubtful(row: Row) -> Finding | None:
    """What is weak about a VM that is not left out."""
    state = row.get("runtime.connectionState")
    if state in (None, "connected"):
        return None
    return Finding(
        code="vm_not_connected",
        message=f"{row.name}: what vCenter says of this VM is old, since its connection state is {state}; "
        "reconnect its host, or register it again.",
        severity="warning",
    )


def machine(row: Row, estate: Estate) -> VirtualMachine:
    """The record of a VM that is not `unreadable`."""
    devices = row.get(_DEVICES)
    host = row.get("runtime.host")
    host_moref = host._moId if host is not None else None
    return VirtualMachine(
        name=row.name or row.moref,
        instance_uuid=_lower(row.text("config.instanceUuid")),
        moref=row.moref,
        bios_uuid=_lower(row.text("config.uuid")),
        host=host_moref,
        path=row.text("config.files.vmPathName"),
        datacenter=estate.datacenter_of(host_moref),
        cluster=estate.cluster_of(host_moref),
        cpu_count=row.get("config.hardware.numCPU"),
        memory_mb=row.get("config.hardware.memoryMB"),
        os_type=row.text("config.guestId"),
        firmware=_lower(row.text("config.firmware")),
        vm_tools_version=_tools_version(row),
        display_name=row.name,
        annotation=row.text("config.annotation"),
        power_state=row.text("runtime.powerState"),
        is_template=row.get("config.template"),
        change_tracking=row.get("config.changeTrackingEnabled"),
        disks=tuple(disk(device) for device in devices if isinstance(device, _DEVICE.VirtualDisk)),
        interfaces=tuple(interface(device, estate) for device in devices if isinstance(device, _CARD_BACKING)),
    )


def disk(device: Any) -> Disk:
    path = text_of(getattr(device.backing, "fileName", None))
    kilobytes = device.capacityInKB
    return Disk(
        device_key=int(device.key),
        vmdk_path=path,
        datastore=datastore_of(path),
        label=_label(device),
        provisioning_type=_provisioning(device.backing),
        controller_key=device.controllerKey,
        unit_number=device.unitNumber,
        capacity_bytes=int(device.capacityInBytes or 0) or (int(kilobytes) * 1024 if kilobytes else None),
    )


def interface(device: Any, estate: Estate) -> NetworkInterface:
    return NetworkInterface(
        nic_key=f"key:{device.key}",
        label=_label(device),
        network=_network(device.backing, estate),
        mac_address=_lower(device.macAddress or None),
        adapter_type=_adapter(device),
        connected=device.connectable.connected if device.connectable else None,
    )


def _provisioning(backing: Any) -> str | None:
    if isinstance(backing, _DEVICE.VirtualDisk.RawDiskMappingVer1BackingInfo):
        return "rdm"
    if isinstance(backing, _DEVICE.VirtualDisk.SeSparseBackingInfo) or getattr(backing, "thinProvisioned", None):
        return "thin"
    if getattr(backing, "eagerlyScrub", None):
        return "eager_zeroed_thick"
    return "thick" if getattr(backing, "thinProvisioned", None) is False else None


def _network(backing: Any, estate: Estate) -> str | None:
    if isinstance(backing, _CARD_BACKING.DistributedVirtualPortBackingInfo):
        return estate.portgroups.get(backing.port.portgroupKey or "")
    if isinstance(backing, _CARD_BACKING.OpaqueNetworkBackingInfo):
        return estate.opaque_networks.get(backing.opaqueNetworkId)
    network = getattr(backing, "network", None)
    named = estate.network(network._moId) if network is not None else None
    return named or text_of(getattr(backing, "deviceName", None))


def _adapter(device: Any) -> str | None:
    kind = type(device).__name__.rpartition(".")[2]
    return kind.removeprefix("Virtual").removesuffix("EthernetCard").lower() or None


def _label(device: Any) -> str | None:
    return text_of(device.deviceInfo.label) if device.deviceInfo else None


def _tools_version(row: Row) -> str | None:
    version = row.text("guest.toolsVersion")
    return None if version == "0" else version


def _lower(text: str | None) -> str | None:
    return text.lower() if text else None
