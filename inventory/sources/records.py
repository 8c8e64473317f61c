"""What every source yields: frozen records, in which None means that the source does not know."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from . import facts


class SourceError(Exception):
    """The source cannot be read at all. `code` is stable, the message says what to do next and holds no secret."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(facts.storable(message))
        self.code = code


@dataclass(frozen=True, slots=True)
class Disk:
    device_key: int
    vmdk_path: str | None = None
    datastore: str | None = None
    label: str | None = None
    provisioning_type: str | None = None
    """thin, thick, eager_zeroed_thick, rdm"""
    controller_key: int | None = None
    unit_number: int | None = None
    capacity_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """`nic_key` is `key:<device key>`, or `mac:<lower-case MAC>` where that is unknown, else `label:<label>`."""

    nic_key: str
    label: str | None = None
    network: str | None = None
    """Name of the source network; None where the source could not name it."""
    mac_address: str | None = None
    adapter_type: str | None = None
    """vmxnet3, e1000e, ... in lower case"""
    connected: bool | None = None


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    moref: str | None = None
    cpu_cores: int | None = None
    cpu_mhz: int | None = None
    memory_mb: int | None = None
    version: str | None = None
    vendor: str | None = None
    model: str | None = None
    in_maintenance: bool | None = None


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """One VM. `disks` and `interfaces` are None where the source cannot tell, () where there are none."""

    name: str
    instance_uuid: str | None = None
    """The vCenter's own UUID of the VM (not the SMBIOS UUID), lower case."""
    moref: str | None = None
    bios_uuid: str | None = None
    host: str | None = None
    """The moref of the host, or its name where no moref is known."""
    path: str | None = None
    datacenter: str | None = None
    cluster: str | None = None
    cpu_count: int | None = None
    memory_mb: int | None = None
    os_type: str | None = None
    """Guest id (windows2019srv_64Guest) where known, else the guest's full name."""
    firmware: str | None = None
    """bios or efi"""
    vm_tools_version: str | None = None
    display_name: str | None = None
    annotation: str | None = None
    power_state: str | None = None
    """poweredOn, poweredOff, suspended"""
    is_template: bool | None = None
    change_tracking: bool | None = None
    disks: tuple[Disk, ...] | None = None
    interfaces: tuple[NetworkInterface, ...] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the source that is not as it should be; one sentence that says what and what to do.

    Whatever the source holds, what is told of it can be stored: see `facts.storable`.
    """

    code: str
    message: str
    sheet: str | None = None
    row: int | None = None
    column: str | None = None
    vm_name: str | None = None
    """The VM that is left out because of this finding; None where none is, or where it has no name."""
    severity: str = "error"
    """error: something was left out; warning: something is weak or unknown; info: left out on purpose."""
    moref: str | None = None
    """Of the VM that is left out."""
    instance_uuid: str | None = None
    """Of the VM that is left out."""

    def __post_init__(self) -> None:
        for name in ("message", "sheet", "column", "vm_name", "moref", "instance_uuid"):
            if text := getattr(self, name):
                object.__setattr__(self, name, facts.storable(text))

    @property
    def leaves_out_a_vm(self) -> bool:
        """Whether a VM is in the source and not among its records: it has failed, or is no VM, but is not missing."""
        return bool(self.vm_name or self.moref or self.instance_uuid)


@dataclass(frozen=True, slots=True)
class Origin:
    """Which vCenter the VMs belong to, as far as the source says."""

    server: str | None = None
    instance_uuid: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """A part of the estate. Hosts come before the VMs that run on them."""

    origin: Origin = field(default_factory=Origin)
    hosts: tuple[Host, ...] = ()
    vms: tuple[VirtualMachine, ...] = ()
    findings: tuple[Finding, ...] = ()
    covers: frozenset[str] | None = frozenset()
    """Of which datacenters the source lists every VM; None: of the whole vCenter. Only there can a VM be missing."""


class Source(Protocol):
    """One outside system, opened for one reading."""

    kind: str
    """vcenter, rvtools, vma"""

    @property
    def total(self) -> int | None:
        """How many VMs `batches()` will yield at the most, where that is known before the end."""

    def batches(self, names: Iterable[str] = ()) -> Iterator[Batch]:
        """Yield the estate, or only the VMs of these names, in batches of at most a few hundred VMs.

        Raises `SourceError` when the source cannot be read.
        """
