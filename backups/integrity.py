"""Rules of back-ups over several rows, which only a service holds: what breaks them, and the way out."""

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q, Subquery

from backups.models import (
    BackupDisk,
    BackupDiskStatus,
    BackupJob,
    BackupSchedule,
    BackupStatus,
    RestoreJob,
)
from inventory.integrity import Broken
from inventory.models import VMDisk

NOBODY_KNOWS = "nobody knows when"


def broken_rules() -> Iterator[Broken]:
    """Each row that breaks a rule; one query per rule."""
    yield from _parents()
    yield from _incomplete()
    yield from _of_another_organization()
    yield from _schedules_of_another_organization()
    yield from _copies_of_other_vms()
    yield from _copies_on_another_base()
    yield from _restores_of_other_points()
    yield from _on_pruned()
    yield from _pruned_in_use()


def _parents() -> Iterator[Broken]:
    wrong = BackupJob.objects.filter(parent__isnull=False).exclude(
        parent__vm_context=F("vm_context"), parent__repository=F("repository"), parent__status=BackupStatus.COMPLETED
    )
    for job in wrong.select_related("parent"):
        lacks = [
            word
            for word, differs in (
                ("of another VM", job.parent.vm_context_id != job.vm_context_id),
                ("in another repository", job.parent.repository_id != job.repository_id),
                (f"{job.parent.status}, not completed", job.parent.status != BackupStatus.COMPLETED),
            )
            if differs
        ]
        yield Broken(
            "INV-BACKUP-18",
            job.id,
            f"{job.id} builds on {job.parent_id}, which is {' and '.join(lacks)}.",
            "It cannot be restored: ask for a full back-up of its VM.",
        )


def _incomplete() -> Iterator[Broken]:
    completed = BackupJob.objects.filter(status=BackupStatus.COMPLETED)
    copies = BackupDisk.objects.filter(job=OuterRef("pk"))
    # A disk that came to the VM after the snapshot is not part of it, and one that had gone before need not be.
    missed = VMDisk.objects.filter(
        Q(removed_at=None) | Q(removed_at__gt=OuterRef("completed_at")),
        vm_context=OuterRef("vm_context"),
        created_at__lte=OuterRef("snapshot_at"),
    ).exclude(Exists(BackupDisk.objects.filter(vm_disk=OuterRef("pk"), job=OuterRef(OuterRef("pk")))))
    lacking = Exists(copies.exclude(status=BackupDiskStatus.COMPLETED)) | ~Exists(copies) | Exists(missed)
    for key in completed.filter(lacking).values_list("pk", flat=True):
        yield Broken(
            "INV-BACKUP-19",
            key,
            f"{key} is completed without a complete copy of every disk that its VM had.",
            "It cannot be restored as a whole: ask for a full back-up of its VM.",
        )


def _of_another_organization() -> Iterator[Broken]:
    owner = F("vm_context__vcenter__organization")
    strange = ~Q(repository__organization=owner) | (Q(policy__isnull=False) & ~Q(policy__organization=owner))
    for job in BackupJob.objects.filter(strange).select_related("repository", "policy"):
        yield Broken(
            "INV-BACKUP-20",
            job.id,
            f"{job.id} uses repository {job.repository} or policy {job.policy} of another organisation than its VM's.",
            "Look who could read the copies; back the VM up to a repository of its own organisation.",
        )


def _schedules_of_another_organization() -> Iterator[Broken]:
    owner = F("vm_context__vcenter__organization")
    strange = ~Q(repository__organization=owner) | (Q(policy__isnull=False) & ~Q(policy__organization=owner))
    for row in BackupSchedule.objects.filter(strange).select_related("repository", "policy"):
        yield Broken(
            "INV-BSCHED-07",
            f"schedule {row.pk}",
            f"Schedule {row.pk} backs up to {row.repository} or by {row.policy} of another organisation than its VM's.",
            "Each of its back-ups is refused: name a repository and a policy of its VM's organisation.",
        )


def _copies_of_other_vms() -> Iterator[Broken]:
    for copy in BackupDisk.objects.exclude(vm_disk__vm_context=F("job__vm_context")).select_related("vm_disk"):
        yield Broken(
            "INV-BDISK-08",
            f"{copy.job_id} {copy.disk_id}",
            f"{copy.job_id} holds a copy of {copy.disk_id} of VM context {copy.vm_disk.vm_context_id}, not of its own.",
            "Restore nothing from it; ask for a full back-up of its VM.",
        )


def _copies_on_another_base() -> Iterator[Broken]:
    below = BackupDisk.objects.filter(job=OuterRef("job__parent"), vm_disk=OuterRef("vm_disk")).values("change_id")
    built = BackupDisk.objects.filter(
        status=BackupDiskStatus.COMPLETED, job__parent__vm_context=F("job__vm_context")
    ).annotate(below=Subquery(below[:1]))
    wrong = Q(base_change_id=None) | Q(below=None) | ~Q(base_change_id=F("below"))
    for copy in built.filter(wrong):
        yield Broken(
            "INV-BDISK-09",
            f"{copy.job_id} {copy.disk_id}",
            f"{copy.job_id} holds what has changed on {copy.disk_id} since {copy.base_change_id or NOBODY_KNOWS}, and"
            f" the copy that it builds on holds it as of {copy.below or NOBODY_KNOWS}.",
            "Restore nothing from it or from what builds on it; ask for a full back-up of its VM.",
        )


def _restores_of_other_points() -> Iterator[Broken]:
    mine = RestoreJob.objects.filter(backup_disk__isnull=False)
    for job in mine.exclude(backup_disk__job=F("backup")).select_related("backup_disk"):
        yield Broken(
            "INV-RESTORE-18",
            job.id,
            f"{job.id} is of {job.backup_id}, but reads a copy of {job.backup_disk.job_id}.",
            "What it gave is not what it says: cancel or unmount it, and begin a new one.",
        )


def _on_pruned() -> Iterator[Broken]:
    for job in BackupJob.objects.restore_points().filter(parent__pruned_at__isnull=False):
        yield Broken(
            "INV-BACKUP-25",
            job.id,
            f"{job.id} is a restore point and builds on {job.parent_id}, which is pruned.",
            "Set its pruned_at and pruned_reason to NULL if its copies are still there; else ask for a full back-up of"
            " its VM, and prune this one.",
        )


def _pruned_in_use() -> Iterator[Broken]:
    reads = RestoreJob.objects.active().filter(backup=OuterRef("pk"))
    builds = BackupJob.objects.active().filter(parent=OuterRef("pk"))
    pruned = BackupJob.objects.filter(pruned_at__isnull=False)
    for key in pruned.filter(Exists(reads) | Exists(builds)).values_list("pk", flat=True):
        yield Broken(
            "INV-BACKUP-26",
            key,
            f"{key} is pruned while a job restores, mounts or builds on it.",
            "Cancel that job, or set pruned_at and pruned_reason to NULL until it has ended.",
        )
