"""The VMs beyond the named ones, any number of them: plain rows, for they are made in bulk."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_DNS, uuid5

from backups.models import (
    BackupDisk,
    BackupDiskStatus,
    BackupJob,
    BackupPolicy,
    BackupRepository,
    BackupStatus,
    BackupType,
)
from config.demo.chance import chance
from config.demo.ledger import Ledger
from config.demo.stories import busy
from config.demo.stories.backups import COMPLETED as BACKED_UP
from config.demo.stories.part import Part
from config.demo.stories.replication import COMPLETED as REPLICATED
from config.jobs.models import JobEvent
from failover.models import NetworkMapping
from inventory.identifiers import stamp
from inventory.models import (
    Firmware,
    HolderKind,
    Host,
    OperationClaim,
    PowerState,
    ProvisioningType,
    SyncStatus,
    Vcenter,
    VMContext,
    VMDisk,
    VMNetworkInterface,
)
from replication.models import (
    ChangeId,
    DiskStatus,
    Protection,
    ReplicationDisk,
    ReplicationJob,
    ReplicationStatus,
    ReplicationType,
    Target,
    TargetNetwork,
    TargetVolume,
    VolumeStatus,
    VolumeType,
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
        _replicated(vm, claim, disks, site, ledger)
    if not number % 3:
        _backed_up(vm, claim, disks, site, ledger)
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


def _replicated(vm: VMContext, claim: OperationClaim, disks: list[VMDisk], site: Site, ledger: Ledger) -> None:
    begin = chance.ago(hours=chance.random.uniform(1, 30))
    started = begin + timedelta(minutes=1)
    copying, end = begin + timedelta(minutes=2), begin + timedelta(minutes=25)
    total = sum(disk.capacity_bytes or 0 for disk in disks)
    job = ReplicationJob(
        id=chance.identifier("job", stamp(begin)),
        vm_context=vm,
        target=site.target,
        replication_type=ReplicationType.INITIAL,
        type_reason="At least one disk has no base.",
        status=ReplicationStatus.COMPLETED,
        source_vm_name=vm.name,
        source_vm_path=vm.path,
        snapshot_at=copying,
        progress_percent=100,
        bytes_done=total,
        bytes_total=total,
        progress_at=end,
        started_at=started,
        completed_at=end,
        engine="engine-1",
        created_by="operator",
        created_at=begin,
    )
    claim.fence += 1
    ledger.add(job, *_events(REPLICATED, HolderKind.REPLICATION, job.id, vm, (begin, started, copying, end)))
    for disk in disks:
        ledger.add(*_copied(vm, disk, job, site))


def _copied(
    vm: VMContext, disk: VMDisk, job: ReplicationJob, site: Site
) -> Iterator[ReplicationDisk | ChangeId | TargetVolume]:
    change_id, capacity = chance.change_id(7), disk.capacity_bytes or 0
    disk.job, disk.disk_change_id = job, change_id
    disk.sync_status, disk.sync_progress_percent, disk.bytes_synced = SyncStatus.COMPLETED, 100, capacity
    yield ReplicationDisk(
        job=job,
        vm_disk=disk,
        status=DiskStatus.COMPLETED,
        bytes_total=capacity,
        bytes_synced=capacity,
        new_change_id=change_id,
        created_at=job.created_at,
    )
    yield ChangeId(
        vm_disk=disk,
        job=job,
        generation=1,
        change_id=change_id,
        capacity_bytes=capacity,
        sync_success=True,
        bytes_synced=capacity,
        snapshot_at=job.snapshot_at or job.created_at,
        committed_at=job.completed_at,
        is_current=True,
        created_at=job.created_at,
    )
    yield TargetVolume(
        target=site.target,
        vm_disk=disk,
        volume_id=chance.uuid(),
        volume_name=f"{vm.name}-{disk.disk_id}",
        size_bytes=capacity,
        volume_type=VolumeType.ROOT if disk.unit_number == 0 else VolumeType.DATADISK,
        status=VolumeStatus.ATTACHED,
        created_at=job.created_at,
    )


def _backed_up(vm: VMContext, claim: OperationClaim, disks: list[VMDisk], site: Site, ledger: Ledger) -> None:
    begin = chance.ago(hours=chance.random.uniform(31, 50))
    reading, end = begin + timedelta(minutes=1), begin + timedelta(minutes=18)
    total = sum(disk.capacity_bytes or 0 for disk in disks)
    job = BackupJob(
        id=chance.identifier("backup", vm.name, stamp(begin)),
        vm_context=vm,
        repository=site.repository,
        policy=site.policy,
        backup_type=BackupType.FULL,
        type_reason="There is no back-up to build on.",
        status=BackupStatus.COMPLETED,
        snapshot_at=reading,
        progress_percent=100,
        bytes_done=total,
        bytes_total=total,
        progress_at=end,
        started_at=reading,
        completed_at=end,
        engine="engine-1",
        created_by="schedule",
        created_at=begin,
    )
    claim.fence += 1
    ledger.add(job, *_events(BACKED_UP, HolderKind.BACKUP, job.id, vm, (begin, reading, end)))
    for disk in disks:
        ledger.add(
            BackupDisk(
                job=job,
                vm_disk=disk,
                disk_id=disk.disk_id,
                status=BackupDiskStatus.COMPLETED,
                path=f"{job.id}/{disk.disk_id}.img",
                capacity_bytes=disk.capacity_bytes,
                bytes_stored=(disk.capacity_bytes or 0) // 3,
                change_id=chance.change_id(3),
                checksum=f"sha256:{chance.hex(64)}",
                created_at=begin,
            )
        )


def _events(
    statuses: str, kind: HolderKind, job_id: str, vm: VMContext, times: tuple[datetime, ...]
) -> Iterator[JobEvent]:
    before = None
    for status, at in zip(statuses.split(), times, strict=True):
        yield JobEvent(
            at=at,
            job_kind=kind,
            job_id=job_id,
            vm_context_id=vm.context_id,
            from_status=before,
            to_status=status,
            actor="engine-1" if before else "schedule",
        )
        before = status
