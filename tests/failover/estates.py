"""Estates in which anything that readiness looks at may be in any state, and a VM that is ready."""

import random
from datetime import timedelta
from typing import Any

from django.utils import timezone

from config.demo.factories import (
    ChangeIdFactory,
    FailoverJobFactory,
    NetworkMappingFactory,
    ProtectionFactory,
    ReplicationDiskFactory,
    ReplicationJobFactory,
    TargetFactory,
    TargetNetworkFactory,
    TargetVolumeFactory,
    VcenterFactory,
    VMContextFactory,
    VMDiskFactory,
    VMNetworkInterfaceFactory,
)
from inventory.models import OperationClaim, SyncStatus, VMContext
from replication.models import DiskStatus, InvalidReason, Isolation, VolumeStatus


def ready_vm(**columns: Any) -> VMContext:
    """A VM about which readiness finds nothing, with two disks and two network interfaces in two networks."""
    vm = VMContextFactory.create(**columns)
    target = TargetFactory.create(organization=vm.vcenter.organization)
    ProtectionFactory.create(vm_context=vm, target=target)
    job = ReplicationJobFactory.create(vm_context=vm, target=target, status="completed")
    for key in (2000, 2001):
        disk = VMDiskFactory.create(vm_context=vm, device_key=key, sync_status=SyncStatus.COMPLETED)
        TargetVolumeFactory.create(vm_disk=disk, target=target)
        ReplicationDiskFactory.create(job=job, vm_disk=disk, status=DiskStatus.COMPLETED)
        ChangeIdFactory.create(vm_disk=disk)
    for number, network in enumerate(("VM Network", "Web DMZ")):
        VMNetworkInterfaceFactory.create(vm_context=vm, label=f"Adapter {number}", source_network_name=network)
        for purpose, isolation in (("test", Isolation.ISOLATED), ("live", Isolation.PRODUCTION)):
            to = TargetNetworkFactory.create(target=target, isolation=isolation)
            NetworkMappingFactory.create(vm_context=vm, source_network_name=network, purpose=purpose, target_network=to)
    FailoverJobFactory.create(vm_context=vm, target=target, status="completed", aftermath="cleaned")
    return vm


class Estate:
    """One organisation with a few VMs, whatever chance gives them."""

    def __init__(self, seed: int, vms: int = 3) -> None:
        self.chance = random.Random(seed)
        self.vcenter = VcenterFactory.create()
        self.targets = TargetFactory.create_batch(2, organization=self.vcenter.organization)
        self.networks = [
            TargetNetworkFactory.create(target=self.chance.choice(self.targets), isolation=isolation)
            for isolation in (*Isolation.values, Isolation.ISOLATED)
        ]
        for _ in range(vms):
            self.add_vm()

    def may(self, chance: float = 0.7) -> bool:
        return self.chance.random() < chance

    def add_vm(self) -> None:
        spec = {name: None for name in ("cpu_count", "memory_mb", "os_type") if not self.may(0.9)}
        vm = VMContextFactory.create(vcenter=self.vcenter, host=None, **spec)
        if not self.may(0.9):
            VMContext.objects.filter(pk=vm.pk).update(runs_at="target")
        if not self.may(0.9):
            VMContext.objects.filter(pk=vm.pk).update(archived_at=timezone.now())
        if self.may(0.8):
            rpo = self.chance.choice((60, 3600, 86_400))
            ProtectionFactory.create(vm_context=vm, target=self.chance.choice(self.targets), rpo_seconds=rpo)
        for number in range(self.chance.randrange(4)):
            self.add_disk(vm, number)
        for number in range(self.chance.randrange(3)):
            self.add_nic(vm, number)
        for network in ("VM Network", "vm network", "Web DMZ"):
            for purpose in ("test", "live"):
                if self.may():
                    to = self.chance.choice(self.networks)
                    NetworkMappingFactory.create(
                        vm_context=vm, source_network_name=network, purpose=purpose, target_network=to
                    )
        self.add_jobs(vm)

    def add_disk(self, vm: VMContext, number: int) -> None:
        disk = VMDiskFactory.create(
            vm_context=vm,
            device_key=2000 + number,
            sync_status=SyncStatus.COMPLETED if self.may() else self.chance.choice(SyncStatus.values),
            removed_at=None if self.may(0.8) else timezone.now(),
        )
        if self.may(0.8):
            status = VolumeStatus.ATTACHED if self.may() else self.chance.choice(VolumeStatus.values)
            TargetVolumeFactory.create(vm_disk=disk, target=self.chance.choice(self.targets), status=status)
        for generation in range(1, self.chance.randrange(1, 4)):
            reason = self.chance.choice(InvalidReason.values)
            ChangeIdFactory.create(vm_disk=disk, generation=generation, invalid_reason=reason)
        if self.may(0.8):
            size = disk.capacity_bytes * (1 if self.may() else 2)
            ChangeIdFactory.create(vm_disk=disk, generation=9, capacity_bytes=size, bytes_synced=0)
        if not self.may(0.9):
            type(disk).objects.filter(pk=disk.pk).update(capacity_bytes=None)

    def add_nic(self, vm: VMContext, number: int) -> None:
        VMNetworkInterfaceFactory.create(
            vm_context=vm,
            label=f"Adapter {number}" if self.may() else None,
            source_network_name=self.chance.choice(("VM Network", "vm network", "Web DMZ", "Other", None)),
            removed_at=None if self.may(0.8) else timezone.now(),
        )

    def add_jobs(self, vm: VMContext) -> None:
        target = self.chance.choice(self.targets)
        for _ in range(self.chance.randrange(3)):
            snapshot_at = timezone.now() - timedelta(seconds=self.chance.choice((30, 1800, 7200, 500_000)))
            status = self.chance.choice(("completed", "completed", "failed", "cancelled"))
            job = ReplicationJobFactory.create(
                vm_context=vm, target=target, status=status, snapshot_at=snapshot_at if self.may(0.9) else None
            )
            for disk in vm.disks.all():
                if self.may(0.9):
                    ReplicationDiskFactory.create(job=job, vm_disk=disk, status=DiskStatus.COMPLETED)
        for _ in range(self.chance.randrange(3)):
            at = timezone.now() - timedelta(days=self.chance.choice((1, 100, 179, 181, 400)))
            FailoverJobFactory.create(
                vm_context=vm,
                target=target,
                status="completed",
                job_type=self.chance.choice(("test", "test", "live")),
                aftermath=self.chance.choice(("due", "due")),
                created_at=at,
            )
        vm.failover_jobs.filter(job_type="test").exclude(pk=self.chance.randrange(50)).update(
            aftermath="cleaned", aftermath_completed_at=timezone.now()
        )
        if not self.may():
            self.hold(vm, target)

    def hold(self, vm: VMContext, target: Any) -> None:
        factory = self.chance.choice((ReplicationJobFactory, FailoverJobFactory))
        begun = {ReplicationJobFactory: "running", FailoverJobFactory: "validating"}[factory]
        job = factory.create(vm_context=vm, target=target, status=self.chance.choice(("pending", begun)))
        at = timezone.now() - timedelta(seconds=self.chance.choice((5, 500)))
        OperationClaim.objects.filter(pk=vm.pk).update(
            holder_kind=job.KIND, holder_id=job.public_id, taken_at=at, heartbeat_at=at, lease_seconds=60
        )
