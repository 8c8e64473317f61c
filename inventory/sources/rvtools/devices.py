"""The sheets vDisk and vNetwork, joined to the VMs of vInfo."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .. import facts
from ..records import Disk, Finding, NetworkInterface
from . import cells
from .findings import Findings
from .machines import Key, Machines, stray_moref
from .origins import COLUMNS as ORIGIN_COLUMNS
from .table import Row, Sheets, Table

T = TypeVar("T", Disk, NetworkInterface)

_OWNER = {**ORIGIN_COLUMNS, "name": ("VM", "VM Name"), "vm_id": ("VM ID", "Object ID")}

DISK_COLUMNS = {
    **_OWNER,
    "device_key": ("Disk Key", "Key"),
    "label": ("Disk",),
    "capacity": ("Capacity MiB", "Capacity MB"),
    "path": ("Disk Path", "Path"),
    "raw": ("Raw",),
    "thin": ("Thin",),
    "eager": ("Eagerly Scrub",),
    "unit_number": ("Unit #",),
}

NETWORK_COLUMNS = {
    **_OWNER,
    "label": ("NIC label", "Network adapter"),
    "adapter": ("Adapter",),
    "network": ("Network",),
    "connected": ("Connected",),
    "mac": ("Mac Address", "Mac"),
}


@dataclass(slots=True)
class Devices(Generic[T]):
    """Devices by VM, and for a VM whose devices cannot be taken as they are, the reason."""

    of: dict[Key, list[T]] = field(default_factory=dict)
    keys: set[tuple[Key, int | str]] = field(default_factory=set)
    faults: dict[Key, Finding] = field(default_factory=dict)


def read_disks(sheets: Sheets, machines: Machines, findings: Findings) -> Devices[Disk] | None:
    """The disks of all VMs; None, with a warning `disks_unknown`, where the export does not hold them."""
    return _read(sheets, "vDisk", DISK_COLUMNS, "disk", ("device_key",), _disk, machines, findings)


def read_interfaces(sheets: Sheets, machines: Machines, findings: Findings) -> Devices[NetworkInterface] | None:
    """The interfaces of all VMs; None, with a warning `interfaces_unknown`, where the export does not hold them."""
    return _read(sheets, "vNetwork", NETWORK_COLUMNS, "interface", (), _interface, machines, findings)


def _read(
    sheets: Sheets,
    sheet: str,
    columns: Mapping[str, tuple[str, ...]],
    noun: str,
    needed: tuple[str, ...],
    convert: Callable[[Row, Findings], T | Finding],
    machines: Machines,
    findings: Findings,
) -> Devices[T] | None:
    raw = sheets.sheet(sheet)
    table = Table(raw, columns) if raw else None
    why = _why_unusable(table, sheet, columns, needed, machines)
    if table is not None and not why:
        devices = Devices[T]()
        empty = True
        for row in table:
            empty = False
            _take(row, convert, devices, noun, machines, findings)
        if not empty:
            return devices
        why = f"The sheet {sheet} holds no rows"
    findings.note(
        Finding(
            f"{noun}s_unknown",
            f"{why}: the {noun}s of the VMs are unknown, which is not the same as none. Export it again with {sheet}.",
            sheet,
            severity="warning",
        )
    )
    return None


def _why_unusable(
    table: Table | None,
    sheet: str,
    columns: Mapping[str, tuple[str, ...]],
    needed: tuple[str, ...],
    machines: Machines,
) -> str | None:
    if table is None:
        return f"The export has no sheet {sheet}"
    for column in (*needed, "vm_id" if machines.by_id else "name"):
        if column not in table:
            return f"The sheet {sheet} has no column {columns[column][0]}"
    return None


def _take(
    row: Row,
    convert: Callable[[Row, Findings], T | Finding],
    devices: Devices[T],
    noun: str,
    machines: Machines,
    findings: Findings,
) -> None:
    owner = _owner(row, machines)
    if owner is None or row.shifted:
        _doubt(row, devices, noun, machines, findings)
    elif owner not in machines.known:
        findings.note(_orphan(row, noun), about=row.vm_name)
    else:
        device = convert(row, findings)
        if not isinstance(device, Finding) and (owner, _own_key(device)) in devices.keys:
            device = _twice(row, noun, device)
        if isinstance(device, Finding):
            devices.faults.setdefault(owner, device)
        else:
            devices.keys.add((owner, _own_key(device)))
            devices.of.setdefault(owner, []).append(device)


def _owner(row: Row, machines: Machines) -> Key | None:
    """The VM of a row; None where the row leaves it open."""
    origin = machines.origins.find(row)
    if origin is None:
        return None
    if not machines.by_id:
        return (origin, f"name:{row.plain('name', cells.text)}")
    if vm_id := row.plain("vm_id", cells.text):
        return (origin, f"id:{vm_id}")
    name = row.plain("name", cells.text)
    by_name = (origin, f"name:{name}")
    alone = not name or all(key == by_name for key in machines.named.get(name, ()))
    return by_name if alone and by_name in machines.known else None


def _doubt(row: Row, devices: Devices[T], noun: str, machines: Machines, findings: Findings) -> None:
    """A row that may belong to any VM of its name: none of them is known with all its devices."""
    message = (
        "The row has more cells than the sheet has columns, or quotation marks that do not match"
        if row.shifted
        else "The row has no usable VM ID, or does not say of which vCenter"
    )
    found = row.finding(f"unclear_{noun}", f"{message}, so whose {noun} it is cannot be told; export it again.")
    moref = stray_moref(row)
    owners = [key for origin in machines.origins if (key := (origin, f"id:{moref}")) in machines.known]
    owners += machines.named.get(row.plain("name", cells.text) or "", [])
    for owner in owners:
        devices.faults.setdefault(owner, found)
    if not owners:
        findings.note(found, about=row.vm_name)


def _own_key(device: Disk | NetworkInterface) -> int | str:
    return device.device_key if isinstance(device, Disk) else device.nic_key


def _twice(row: Row, noun: str, device: Disk | NetworkInterface) -> Finding:
    message = (
        f"Two {noun}s of the VM {row.vm_name or ''!r} have the key {_own_key(device)}, so they cannot be told apart; "
        "remove the wrong row."
    )
    return row.finding(f"duplicate_{noun}", message, "device_key" if noun == "disk" else "mac")


def _orphan(row: Row, noun: str) -> Finding:
    return row.finding(
        f"orphan_{noun}",
        f"The {noun} belongs to a VM ({row.vm_name or 'without a name'}) that vInfo does not hold, so it was left out; "
        "export all sheets at one time.",
    )


def _disk(row: Row, findings: Findings) -> Disk | Finding:
    device_key = row.plain("device_key", cells.count)
    if device_key is None:
        message = "The disk has no usable Disk Key, so it cannot be told from the VM's other disks; export it again."
        return row.finding("bad_disk_key", message, "device_key")
    path = row.take("path", cells.text, findings)
    return Disk(
        device_key=device_key,
        vmdk_path=path,
        datastore=facts.datastore_of(path),
        label=row.take("label", cells.text, findings),
        provisioning_type=_provisioning(row, findings),
        unit_number=row.take("unit_number", cells.count, findings),
        capacity_bytes=row.take("capacity", cells.capacity, findings),
    )


def _provisioning(row: Row, findings: Findings) -> str | None:
    if row.take("raw", cells.boolean, findings):
        return "rdm"
    thin = row.take("thin", cells.boolean, findings)
    eager = row.take("eager", cells.boolean, findings)
    if thin:
        return "thin"
    if eager:
        return "eager_zeroed_thick"
    return "thick" if thin is False else None


def _interface(row: Row, findings: Findings) -> NetworkInterface | Finding:
    label = row.take("label", cells.text, findings)
    mac = row.take("mac", cells.mac, findings)
    key = facts.nic_key(mac, label)
    if key is None:
        message = (
            "The interface has neither a MAC address nor a label, so it cannot be told from others; export it again."
        )
        return row.finding("interface_without_key", message, "mac")
    adapter = row.take("adapter", cells.text, findings)
    return NetworkInterface(
        nic_key=key,
        label=label,
        network=row.take("network", cells.text, findings),
        mac_address=mac,
        adapter_type=adapter.lower() if adapter else None,
        connected=row.take("connected", cells.boolean, findings),
    )
