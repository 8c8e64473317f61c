"""New back-ups: full or incremental, and why."""

from collections.abc import Sequence
from typing import Literal

from backups.incremental import Disk, choose_base
from backups.models import BackupDisk, BackupJob, BackupPolicy, BackupRepository, BackupType, new_backup_id
from backups.queries import current_disks, points_of
from config.jobs.claims import lock_vm
from config.jobs.moves import By, create_job
from config.refusals import Conflict, Invalid, NotFound
from config.transactions import whole
from inventory.models import VMContext
from inventory.models.contexts import Site

Asked = Literal["auto", "full", "incremental"]


@whole
def create_backup(
    vm: VMContext,
    repository: BackupRepository,
    *,
    type: Asked = "auto",  # noqa: A002
    policy: BackupPolicy | None = None,
    by: By,
    reason: str | None = None,
) -> BackupJob:
    """A new back-up of all disks that the VM has now; `auto`: incremental where it can be, else full, with the reason.

    Without a policy it is kept until somebody gives it one; `reason` is why it is made at all. Raises NotFound for what
    is of another organisation, Conflict where the VM cannot be backed up now, ClaimHeld, and Invalid for an incremental
    one that cannot be.
    """
    lock_vm(vm.pk)
    vm.refresh_from_db(fields=("archived_at", "runs_at"))
    disks = current_disks([vm.pk])[vm.pk]
    _refuse(vm, repository, policy, disks)
    parent, type_reason = _base(vm, repository, disks, type)
    job: BackupJob = create_job(
        lambda: BackupJob(
            id=new_backup_id(vm.name),
            vm_context=vm,
            repository=repository,
            policy=policy,
            parent_id=parent,
            backup_type=BackupType.INCREMENTAL if parent else BackupType.FULL,
            type_reason=type_reason,
        ),
        by=by,
        reason=reason or type_reason,
    )
    BackupDisk.objects.bulk_create(
        BackupDisk(job=job, vm_disk_id=disk.key, disk_id=disk.disk_id, capacity_bytes=disk.capacity_bytes)
        for disk in disks
    )
    return job


def _refuse(vm: VMContext, repository: BackupRepository, policy: BackupPolicy | None, disks: Sequence[Disk]) -> None:
    organization = vm.vcenter.organization_id
    if repository.organization_id != organization:
        raise NotFound(f"There is no repository {repository.pk}.")
    if policy is not None and policy.organization_id != organization:
        raise NotFound(f"There is no policy {policy.pk}.")
    if vm.archived_at is not None:
        raise Conflict(f"{vm.name} is archived: take it under management again first.", code="archived")
    if vm.runs_at == Site.TARGET:
        raise Conflict(
            f"{vm.name} runs at the target since its failover: protect it again from there, or set it back, first.",
            code="runs_at_target",
        )
    if not disks:
        raise Conflict(f"No disk of {vm.name} is known: discover it first.", code="no_disks")


def _base(vm: VMContext, repository: BackupRepository, disks: Sequence[Disk], asked: Asked) -> tuple[str | None, str]:
    """The parent and the reason."""
    if asked == "full":
        return None, "A full back-up was asked for."
    if asked not in ("auto", "incremental"):
        raise Invalid(f"{asked} is no type of back-up: say auto, full or incremental.")
    choice = choose_base(disks, points_of([vm.pk]), repository.pk)
    if choice.parent is None and asked == "incremental":
        raise Invalid(
            f"An incremental back-up of {vm.name} cannot be made: {choice.reason} Ask for auto or full.",
            code="no_base",
        )
    return choice.parent.id if choice.parent else None, choice.reason
