"""One row of everything that an address or a body of the API may name, and whether any of them has changed."""

from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.utils import timezone

from config.demo.factories import (
    BackupDiskFactory,
    BackupJobFactory,
    BackupPolicyFactory,
    BackupRepositoryFactory,
    DiscoveryRunFactory,
    FailoverJobFactory,
    MembershipFactory,
    NetworkMappingFactory,
    OrganizationFactory,
    ProtectionFactory,
    RecoveryPlanFactory,
    RecoveryPlanMemberFactory,
    RecoveryPlanRunFactory,
    ReplicationJobFactory,
    RestoreJobFactory,
    TargetVolumeFactory,
    VMContextFactory,
    VMDiskFactory,
    VMNetworkInterfaceFactory,
)
from inventory.keys import NewKey, make_key
from inventory.models import ApiKey
from inventory.secret_fields import Sealed
from tests.config.api.client import ALL
from tests.config.jobs.holding import hold

FENCE = 7
NOTED = {("ApiKey", "last_used_at")}
"""What a look-up writes, which is no change."""


class Estate:
    """The rows of one organisation. Its replication job is at work with the fence 7."""

    def __init__(self) -> None:
        vm = self.vm = VMContextFactory.create(vcenter__username="reader", vcenter__password="only a test")
        self.organization = organization = vm.vcenter.organization
        disk = VMDiskFactory.create(vm_context=vm, device_key=2000, capacity_bytes=1000)
        VMNetworkInterfaceFactory.create(vm_context=vm, source_network_name="VM Network")
        protection = ProtectionFactory.create(vm_context=vm)
        TargetVolumeFactory.create(vm_disk=disk, target=protection.target, status="attached")
        mapping = NetworkMappingFactory.create(vm_context=vm)
        repository = BackupRepositoryFactory.create(organization=organization)
        policy = BackupPolicyFactory.create(organization=organization)
        backup = BackupJobFactory.create(vm_context=vm, repository=repository, status="completed")
        BackupDiskFactory.create(job=backup, vm_disk=disk, status="completed")
        restore = RestoreJobFactory.create(backup=backup, status="running", engine="engine-1")
        failover = FailoverJobFactory.create(vm_context=vm, target=protection.target, status="completed")
        self.job = job = ReplicationJobFactory.create(
            vm_context=vm, target=protection.target, status="running", engine="engine-1"
        )
        plan = RecoveryPlanFactory.create(organization=organization)
        run = RecoveryPlanRunFactory.create(plan=plan, status="completed")
        free = VMContextFactory.create(vcenter=vm.vcenter)
        VMDiskFactory.create(vm_context=free, device_key=2000, capacity_bytes=1000)
        ProtectionFactory.create(vm_context=free, target=protection.target)
        RecoveryPlanMemberFactory.create(plan=plan, vm_context=free)
        self.free = free.pk
        """A VM with nothing at work."""
        other = VMContextFactory.create(vcenter=vm.vcenter)
        self.unprotected = other.pk
        waiting = ReplicationJobFactory.create(
            vm_context=other, target=protection.target, status="pending", engine=None
        )
        for each in (job, restore, waiting):
            hold(each, fence=FENCE)
        key = self._key("of the estate", "read").row
        self.secret = self._key("all", *ALL).secret
        self.useless = self._key("no scope").secret
        self.expired = self._key("expired", *ALL, expires_at=timezone.now() - timedelta(seconds=1)).secret
        self.revoked = self._key("revoked", *ALL).secret
        ApiKey.objects.filter(name="revoked").update(revoked_at=timezone.now())
        self.foreign = self._key("foreign", *ALL, organization=OrganizationFactory.create()).secret
        self.values: dict[str, Any] = {
            "context_id": vm.pk,
            "job": job.pk,
            "failovers/{job}": failover.job_id,
            "evidence/{job}": failover.job_id,
            "backups/{job}": backup.pk,
            "restores/{job}": restore.pk,
            "disk_id": disk.disk_id,
            "mapping": mapping.pk,
            "key": key.pk,
            # By the first word of the path, for parameters of any name.
            "vcenters": vm.vcenter_id,
            "hosts": vm.host_id,
            "targets": protection.target_id,
            "target-networks": mapping.target_network_id,
            "repositories": repository.pk,
            "policies": policy.pk,
            "protections": protection.pk,
            "discovery": DiscoveryRunFactory.create(vcenter=vm.vcenter).pk,
            "recovery-plans": plan.pk,
            "plan-runs": run.pk,
            # In bodies.
            "fence": FENCE,
            "repository_id": repository.pk,
            "policy_id": policy.pk,
            "backup_id": backup.pk,
            "target_network_id": mapping.target_network_id,
            "target_id": protection.target_id,
            "vcenter_id": vm.vcenter_id,
            "credential_id": vm.vcenter_id,
            "api_url": "https://cloud.example.com",
            "schedule": "0 1 * * *",
        }

    def _key(self, name: str, *scopes: str, **columns: Any) -> NewKey:
        owner = MembershipFactory.create(organization=columns.pop("organization", self.organization), role="admin")
        return make_key(owner.organization, owner.user, name, scopes, **columns)


def contents() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, to be held against what they were."""
    return {model._meta.label: _rows(model) for model in apps.get_models()}


def _rows(model: type[Model]) -> list[tuple[Any, ...]]:
    names = [field.attname for field in model._meta.concrete_fields if (model.__name__, field.attname) not in NOTED]
    rows = model._base_manager.order_by("pk").values_list(*names)
    return [tuple(value.token if isinstance(value, Sealed) else value for value in row) for row in rows]
