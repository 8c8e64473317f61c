"""The VMs beyond the named ones, any number of them, as plain rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import NAMESPACE_DNS, uuid5

from backups.models import (
    BackupPolicy,
    BackupRepository,
)
from config.demo.chance import chance
from config.demo.ledger import Ledger
from config.demo.stories import busy, plain
from config.demo.stories.part import Part
from failover.models import NetworkMapping
from inventory.identifiers import stamp
from inventory.models import (
    Firmware,
    Host,
    OperationClaim,
    PowerState,
    ProvisioningType,
    Vcenter,
    VMContext,
    VMDisk,
    VMNetworkInterface,
)
from replication.models import (
    Protection,
    Target,
    TargetNetwork,
)

GIB = 2**30
NETWORK = "VM Network"
SYSTEMS = ("ubuntu64Guest", "windows2019srv_64", "rhel8_64Guest", "debian12_64Guest")


@dataclass(frozen=True)
class Site:
    """Where the fleet runs and where its copies go."""

    vcenter: Vcenter
    hosts: list[Host]
    target: Target
    networks: dict[str, TargetNetwork]
    repository: BackupRepository
    policy: BackupPolicy


def name_of(number: int) -> str:
    return f"fleet-{number:05}"


def missing_numbers(vcenter: Vcenter, count: int) -> list[int]:
    """Which of the first `count` numbers have no VM yet; the same for every seed."""
    there: set[str] = set()
    if vcenter.pk:
        mine = VMContext.objects.filter(vcenter=vcenter, identity__startswith="uuid:", name__startswith="fleet-")
        there = set(mine.values_list("identity", flat=True))
    return [number for number in range(1, count + 1) if f"uuid:{_instance_uuid(number)}" not in there]


def _instance_uuid(number: int) -> str:
    return str(uuid5(NAMESPACE_DNS, f"{name_of(number)}.example.com"))


def add_vm(number: int, site: Site, ledger: Ledger) -> VMContext:
    """One VM with what it is made of. The first ones are busy; of the others every second one is replicated, every
    third one backed up.
    """
    vm = _vm(number, site)
    claim = OperationClaim(vm_context=vm, fence=0)
    disks = list(_disks(number, vm))
    ledger.add(vm, claim, *disks, _nic(number, vm))
    is_busy = number <= len(busy.STORIES)
    is_replicated = is_busy or number % 2
    if is_replicated:
        ledger.add(*_protection(vm, site))
    if is_busy:
        busy.tell(number - 1, Part(ledger, vm, claim, disks, site.target, site.repository, site.policy))
        return vm
    if is_replicated:
        plain.replicated(vm, claim, disks, site.target, ledger)
    if not number % 3:
        plain.backed_up(vm, claim, disks, site.repository, site.policy, ledger)
    return vm


def _vm(number: int, site: Site) -> VMContext:
    name, now, instance_uuid = name_of(number), chance.now(), _instance_uuid(number)
    return VMContext(
        context_id=chance.identifier("ctx", name, stamp(now)),
        vcenter=site.vcenter,
        host=site.hosts[number % len(site.hosts)],
        identity=f"uuid:{instance_uuid}",
        instance_uuid=instance_uuid,
        moref=f"vm-{20_000 + number}",
        name=name,
        path=f"/DatabanxDC/vm/fleet/{name}",
        datacenter="DatabanxDC",
        cpu_count=2 ** (number % 4),
        memory_mb=2048 * 2 ** (number % 5),
        os_type=SYSTEMS[number % len(SYSTEMS)],
        vm_tools_version="12352",
        display_name=name,
        power_state=PowerState.OFF if number % 10 == 0 else PowerState.ON,
        vmware_uuid=chance.uuid(),
        firmware=Firmware.BIOS if number % 5 == 0 else Firmware.EFI,
        is_template=False,
        change_tracking=True,
        added_by="seed",
        created_at=now - timedelta(days=60),
    )


def _disks(number: int, vm: VMContext) -> Iterator[VMDisk]:
    for unit in range(2 if number % 4 == 0 else 1):
        yield VMDisk(
            vm_context=vm,
            disk_id=f"disk-{2000 + unit}",
            device_key=2000 + unit,
            vmdk_path=f"[prod-vsan] {vm.name}/{vm.name}_{unit}.vmdk",
            datastore="prod-vsan",
            label=f"Hard disk {unit + 1}",
            provisioning_type=ProvisioningType.THIN,
            controller_key=1000,
            unit_number=unit,
            capacity_bytes=(20 + 10 * (number % 9)) * GIB,
            created_at=vm.created_at,
        )


def _nic(number: int, vm: VMContext) -> VMNetworkInterface:
    return VMNetworkInterface(
        vm_context=vm,
        nic_key="key:4000",
        label="Network adapter 1",
        source_network_name=None if number % 50 == 0 else NETWORK,
        mac_address=f"00:50:56:{0x40 | number >> 16 & 63:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
        adapter_type="vmxnet3",
        connected=True,
        created_at=vm.created_at,
    )


def _protection(vm: VMContext, site: Site) -> Iterator[Protection | NetworkMapping]:
    yield Protection(
        vm_context=vm, target=site.target, rpo_seconds=24 * 3600, schedule="0 1 * * *", created_at=vm.created_at
    )
    for purpose, network in site.networks.items():
        yield NetworkMapping(
            vm_context=vm,
            source_network_name=NETWORK,
            purpose=purpose,
            target_network=network,
            created_at=vm.created_at,
        )
