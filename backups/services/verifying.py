"""Whether the copies of a restore point are good."""

from datetime import datetime

from django.utils import timezone

from backups.models import BackupJob
from config.jobs.claims import lock_vm
from config.jobs.moves import By, change, note
from config.refusals import Conflict, NotFound
from config.transactions import whole
from inventory.models import Organization


@whole
def record_verification(
    backup_id: str, good: bool, *, by: By, at: datetime | None = None, organization: Organization | None = None
) -> BackupJob:
    """Store the result of reading the copies of a restore point again; `at` is when, None: now.

    An older result than the stored one changes nothing. Raises NotFound, and Conflict for what is no restore point.
    """
    backup: BackupJob | None = BackupJob.objects.of(organization).filter(pk=backup_id).first()
    if backup is None:
        raise NotFound(f"There is no back-up {backup_id}.")
    lock_vm(backup.vm_context_id)
    backup = BackupJob.objects.restore_points().filter(pk=backup_id).first()
    if backup is None:
        raise Conflict(f"{backup_id} is no restore point: only one that has completed and is kept can be verified.")
    at = at or timezone.now()
    if backup.verified_at is None or backup.verified_at < at:
        change(backup, verified_at=at, verified_good=good)
        note(backup, backup.status, backup.status, by=by, reason=f"verified: {'good' if good else 'bad'}")
    return backup
