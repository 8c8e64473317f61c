"""The JSON of a discovery, fact by fact.

The appliance is written in Go and leaves nothing out: what it does not know is 0, an empty text, `unknown`, or a
text of its own making in place of a network's name. All of these are None here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from .. import facts
from ..records import Disk, Finding, NetworkInterface, VirtualMachine

T = TypeVar("T")
_LIMIT = 2**63 - 1
_MOREF = re.compile(r"vm-[0-9]+")
_DISK_ID = re.compile(r"(?:disk-)?([0-9]{1,9})")
_INVENTED_NETWORK = re.compile(
    r"ERROR-.+|STD-REF-(?:network|dvportgroup)-.+|DVS-PG-dvportgroup-.+|DVS-SWITCH-[0-9a-f ]+"
    r"|NSX-[0-9a-f]{8}-[0-9a-f-]{27}"
)
_PROVISIONING = {"thin": "thin", "thick": "thick", "eager_zeroed_thick": "eager_zeroed_thick", "rdm": "rdm"}


class WrongShapeError(Exception):
    """A VM that cannot be taken as a whole."""

    def __init__(self, code: str, message: str, column: str) -> None:
        super().__init__(message)
        self.code = code
        self.column = column


@dataclass(frozen=True, slots=True)
class Node:
    """A JSON object of the answer, with its path in it and the findings made on the way."""

    value: Mapping[str, object]
    path: str
    findings: list[Finding]

    def text(self, *names: str) -> str | None:
        """The first of these texts that says something."""
        for name in names:
            if (found := self._take(name, _text)) and found.lower() != "unknown":
                return found
        return None

    def number(self, name: str, *, least: int = 1) -> int | None:
        """A whole number; what is below `least` counts as unknown, and below zero as wrong."""
        found = self._take(name, _number)
        return found if found is not None and found >= least else None

    def boolean(self, name: str) -> bool | None:
        return self._take(name, _boolean)

    def converted(self, name: str, convert: Callable[[str], T | None]) -> T | None:
        """A text in a form of its own, such as a MAC address."""
        found = self.text(name)
        try:
            return None if found is None else convert(found)
        except ValueError as error:
            self.warn("bad_value", f"the value {found[:60] if found else ''!r} cannot be used: {error}", name)
            return None

    def nodes(self, name: str) -> "tuple[Node, ...] | None":
        """The objects of a list; None where the answer has no such list. Raises `WrongShapeError`."""
        found = self.value.get(name)
        if found is None:
            return None
        if not isinstance(found, list):
            raise WrongShapeError("wrong_shape", f"{name} is not a list", self.at(name))
        return tuple(self._node(item, f"{self.at(name)}[{index}]") for index, item in enumerate(found))

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def warn(self, code: str, reason: str, name: str) -> None:
        message = f"In the answer, {reason}. It counts as unknown; correct it at the appliance and read it again."
        self.findings.append(Finding(code, message, column=self.at(name), severity="warning"))

    def _node(self, item: object, path: str) -> "Node":
        if not isinstance(item, dict):
            raise WrongShapeError("wrong_shape", "there is something else where an object belongs", path)
        return Node(item, path, self.findings)

    def _take(self, name: str, convert: Callable[[object], T | None]) -> T | None:
        found = self.value.get(name)
        try:
            return None if found is None else convert(found)
        except ValueError as error:
            self.warn("bad_value", f"the value {str(found)[:60]!r} cannot be used: {error}", name)
            return None


def machine(node: Node, datacenter: str | None) -> VirtualMachine:
    """A VM with all its disks and interfaces. Raises `WrongShapeError` where it cannot be taken as a whole."""
    name = _name(node)
    instance_uuid, moref, bios_uuid = _identity(node)
    cpu_count = node.number("num_cpu") or node.number("cpus")
    memory_mb = node.number("memory_mb")
    configured = cpu_count is not None or memory_mb is not None
    return VirtualMachine(
        name=name,
        instance_uuid=instance_uuid,
        moref=moref,
        bios_uuid=bios_uuid,
        path=node.text("path"),
        datacenter=node.text("datacenter") or datacenter,
        cpu_count=cpu_count,
        memory_mb=memory_mb,
        os_type=node.text("guest_os", "os_type"),
        vm_tools_version=node.text("vmware_tools_version"),
        display_name=node.text("display_name"),
        annotation=node.text("annotation"),
        power_state=node.converted("power_state", facts.power_state),
        disks=_disks(node, configured),
        interfaces=_interfaces(node, configured),
    )


def left_out(item: object, path: str, error: WrongShapeError) -> Finding:
    """The finding because of which a VM is left out, with all by which the VM is known."""
    message = f"The VM was left out: {error}. Correct it at the appliance and read it again."
    identity = _identity(Node(item, path, [])) if isinstance(item, dict) else (None, None, None)
    instance_uuid, moref, _ = identity
    return Finding(
        error.code,
        message,
        column=error.column,
        vm_name=name_of(item),
        moref=moref,
        instance_uuid=instance_uuid,
    )


def name_of(item: object) -> str | None:
    """The name as the answer gives it, even where it cannot be used."""
    name = item.get("name") if isinstance(item, dict) else None
    return name.strip() or None if isinstance(name, str) else None


def _name(node: Node) -> str:
    """A VM may be called `unknown`."""
    try:
        name = _text(node.value.get("name") or "")
    except ValueError as error:
        raise WrongShapeError("bad_value", f"its name cannot be used: {error}", node.at("name")) from None
    if name is None:
        raise WrongShapeError("missing_name", "the VM has no name", node.at("name"))
    return name


def _identity(node: Node) -> tuple[str | None, str | None, str | None]:
    """Instance UUID, moref and SMBIOS UUID. `id` is the SMBIOS UUID, or the moref of a VM without configuration."""
    instance_uuid = node.converted("instance_uuid", facts.uuid_text)
    moref = node.text("moref")
    bios_uuid = node.converted("bios_uuid", facts.uuid_text)
    given = node.text("id")
    if given and _MOREF.fullmatch(given):
        return instance_uuid, moref or given, bios_uuid
    return instance_uuid, moref, bios_uuid or node.converted("id", facts.uuid_text)


def _disks(node: Node, configured: bool) -> tuple[Disk, ...] | None:
    found = node.nodes("disks")
    if found is None or not (found or configured):
        node.warn("disks_unknown", f"the disks of the VM {node.text('name')!r} are not told", "disks")
        return None
    disks = sorted((_disk(disk) for disk in found), key=lambda disk: disk.device_key)
    for first, second in pairwise(disks):
        if first.device_key == second.device_key:
            raise WrongShapeError("duplicate_disk", f"two disks have the key {first.device_key}", node.at("disks"))
    return tuple(disks)


def _disk(node: Node) -> Disk:
    path = node.text("vmdk_path", "path")
    capacity = node.number("capacity_bytes")
    if capacity is None:
        node.warn("capacity_unknown", "a disk has no capacity in bytes", "capacity_bytes")
    provisioning = node.text("provisioning_type")
    return Disk(
        device_key=_device_key(node),
        vmdk_path=path,
        datastore=node.text("datastore") or facts.datastore_of(path),
        label=node.text("label"),
        provisioning_type=_PROVISIONING.get(provisioning.lower()) if provisioning else None,
        controller_key=node.number("controller_key"),
        unit_number=node.number("unit_number", least=0),
        capacity_bytes=capacity,
    )


def _device_key(node: Node) -> int:
    """2000, from `disk-2000`: that is how the appliance writes VMware's device key."""
    key = node.number("device_key", least=0)
    if key is not None:
        return key
    given = str(node.value.get("id")).strip()
    match = _DISK_ID.fullmatch(given)
    if match is None:
        raise WrongShapeError("bad_disk_id", f"{given[:60]!r} is not disk-<device key>", node.at("id"))
    return int(match[1])


def _interfaces(node: Node, configured: bool) -> tuple[NetworkInterface, ...] | None:
    found = node.nodes("networks")
    if found is None or not (found or configured):
        node.warn("interfaces_unknown", f"the interfaces of the VM {node.text('name')!r} are not told", "networks")
        return None
    interfaces = [interface for interface in map(_interface, found) if interface is not None]
    if len({interface.nic_key for interface in interfaces}) < len(found):
        reason = f"the interfaces of the VM {node.text('name')!r} cannot be told apart by MAC address or label"
        node.warn("duplicate_interface", reason, "networks")
        return None
    return tuple(interfaces)


def _interface(node: Node) -> NetworkInterface | None:
    label = node.text("label")
    mac = node.converted("mac_address", facts.mac_address)
    key = facts.nic_key(mac, label)
    adapter = node.text("adapter_type")
    if key is None:
        return None
    return NetworkInterface(
        nic_key=key,
        label=label,
        network=_network(node),
        mac_address=mac,
        adapter_type=adapter.lower() if adapter else None,
        connected=node.boolean("connected"),
    )


def _network(node: Node) -> str | None:
    name = node.text("network_name")
    if name and _INVENTED_NETWORK.fullmatch(name):
        node.warn(
            "network_unnamed", f"{name[:60]!r} stands in for the name of a network that was not found", "network_name"
        )
        return None
    return name


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        raise ValueError("it is not text")
    return facts.stripped(value)


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise ValueError("it is not a whole number")
    if not 0 <= value <= _LIMIT:
        raise ValueError("it is below zero or beyond any size")
    return int(value)


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("it is neither true nor false")
    return value
