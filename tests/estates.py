"""Synthetic estates as a source would tell of them, the same for the same numbers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from inventory.sources.records import Batch, Disk, Finding, Host, NetworkInterface, Origin, SourceError, VirtualMachine

BATCH = 500


def disk(number: int = 0, **facts: object) -> Disk:
    known = {
        "device_key": 2000 + number,
        "vmdk_path": f"[datastore1] vm/vm_{number}.vmdk",
        "datastore": "datastore1",
        "label": f"Hard disk {number + 1}",
        "provisioning_type": "thin",
        "controller_key": 1000,
        "unit_number": number,
        "capacity_bytes": 42_949_672_960 + number * 1_073_741_824,
    }
    return Disk(**known | facts)  # type: ignore[arg-type]


def interface(number: int = 0, vm: int = 0, **facts: object) -> NetworkInterface:
    known = {
        "nic_key": f"key:{4000 + number}",
        "label": f"Network adapter {number + 1}",
        "network": "VM Network",
        "mac_address": f"00:50:56:{vm >> 16 & 255:02x}:{vm >> 8 & 255:02x}:{vm & 255:02x}" if number == 0 else None,
        "adapter_type": "vmxnet3",
        "connected": True,
    }
    return NetworkInterface(**known | facts)  # type: ignore[arg-type]


def machine(number: int, **facts: object) -> VirtualMachine:
    """One VM; every 20 have 37 disks and 27 interfaces between them."""
    known = {
        "name": f"vm-{number:05}",
        "instance_uuid": f"50000000-0000-4000-8000-{number:012x}",
        "moref": f"vm-{number}",
        "bios_uuid": f"42000000-0000-4000-8000-{number:012x}",
        "host": f"host-{number % 10}",
        "path": f"[datastore1] vm-{number:05}/vm-{number:05}.vmx",
        "datacenter": "DC0",
        "cluster": "DC0_C0",
        "cpu_count": 2 + number % 7,
        "memory_mb": 4096,
        "os_type": "ubuntu64Guest",
        "firmware": "efi",
        "vm_tools_version": "12352",
        "power_state": "poweredOn",
        "is_template": False,
        "change_tracking": True,
        "disks": tuple(disk(each) for each in range(2 if number % 20 < 17 else 1)),
        "interfaces": tuple(interface(each, number) for each in range(2 if number % 20 < 7 else 1)),
    }
    return VirtualMachine(**known | facts)  # type: ignore[arg-type]


def hosts(count: int = 10) -> tuple[Host, ...]:
    return tuple(
        Host(name=f"esx{number}.example.org", moref=f"host-{number}", cpu_cores=32, memory_mb=262_144, version="8.0.3")
        for number in range(count)
    )


@dataclass
class MemorySource:
    """A source whose records are in memory. `breaks_after`: how many batches it yields before it fails."""

    vms: Sequence[VirtualMachine]
    hosts: Sequence[Host] = ()
    findings: Sequence[Finding] = ()
    origin: Origin = field(default_factory=Origin)
    kind: str = "vcenter"
    batch: int = BATCH
    breaks_after: int | None = None
    covers: frozenset[str] | None = None

    @property
    def total(self) -> int:
        return len(self.vms)

    def batches(self, names: Iterable[str] = ()) -> Iterator[Batch]:
        wanted = set(names)
        vms = [vm for vm in self.vms if not wanted or vm.name in wanted]
        yield Batch(self.origin, tuple(self.hosts), (), tuple(self.findings), self.covers)
        for number, start in enumerate(range(0, len(vms), self.batch)):
            if number == self.breaks_after:
                raise SourceError("lost", "The connection was cut; run discovery again.")
            yield Batch(self.origin, (), tuple(vms[start : start + self.batch]), covers=self.covers)


def estate(count: int) -> MemorySource:
    return MemorySource([machine(number) for number in range(count)], hosts())
