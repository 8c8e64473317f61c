"""Restore points that nobody shall remove, for ever or until a time."""

from datetime import datetime

from backups.models import BackupJob
from config.jobs.claims import lock_vm
from config.jobs.moves import By, change, given, note
from config.refusals import Conflict, NotFound
from config.transactions import whole
from inventory.models import Organization


@whole
def protect_backup(
    backup_id: str, is_protected: bool, *, by: By, reason: str, organization: Organization | None = None
) -> BackupJob:
    """Protect a restore point from pruning, or let it go again. Raises NotFound, Conflict, Invalid without a reason."""
    backup = _restore_point(backup_id, reason, organization)
    if backup.is_protected != is_protected:
        change(backup, is_protected=is_protected)
        said = "protected" if is_protected else "protected no longer"
        note(backup, backup.status, backup.status, by=by, reason=f"{said}: {reason}")
    return backup


@whole
def lock_backup(
    backup_id: str, until: datetime, *, by: By, reason: str, organization: Organization | None = None
) -> BackupJob:
    """Keep a restore point until then at least; a lock is made longer, never shorter. Raises as `protect_backup`."""
    backup = _restore_point(backup_id, reason, organization)
    if backup.locked_until is not None and backup.locked_until > until:
        raise Conflict(f"{backup_id} is locked until {backup.locked_until:%Y-%m-%dT%H:%M:%SZ}: name a later time.")
    if backup.locked_until != until:
        change(backup, locked_until=until)
        note(backup, backup.status, backup.status, by=by, reason=f"locked until {until:%Y-%m-%dT%H:%M:%SZ}: {reason}")
    return backup


def _restore_point(backup_id: str, reason: str, organization: Organization | None) -> BackupJob:
    given(reason, kept_with="the restore point")
    found = BackupJob.objects.of(organization).filter(pk=backup_id).first()
    if found is None:
        raise NotFound(f"There is no back-up {backup_id}.")
    lock_vm(found.vm_context_id)
    backup: BackupJob | None = BackupJob.objects.restore_points().filter(pk=backup_id).first()
    if backup is None:
        raise Conflict(f"{backup_id} is no restore point: there is nothing to keep.")
    return backup
