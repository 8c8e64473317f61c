"""Back-ups that the clock asks for, slot by slot, and the schedules that say so."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from backups.models import BackupSchedule, BackupSlot
from backups.services.starting import create_backup
from config.jobs.claims import lock_vm
from config.jobs.moves import By
from config.jobs.slots import CLOCK, Timetable
from config.refusals import Conflict, Invalid, NotFound
from config.transactions import whole
from inventory.models import Organization, VMContext
from inventory.services.records import change_record

log = logging.getLogger(__name__)


class Backups(Timetable):
    schedules = BackupSchedule
    slots = BackupSlot

    def start(self, schedule: Any) -> Any:
        return create_backup(
            schedule.vm_context, schedule.repository, type=schedule.backup_type, policy=schedule.policy, by=CLOCK
        )

    def key(self, schedule: Any) -> Mapping[str, Any]:
        return {"schedule_id": schedule.pk}

    def schedule_of(self, slot: Any) -> Any:
        return BackupSchedule.objects.on().filter(pk=slot.schedule_id).first()


def start_due_backups(now: datetime) -> int:
    """Start what the back-up schedules ask for until now; how much was settled. See `Timetable.start_due`."""
    return Backups().start_due(now)


@whole
def create_schedule(vm: VMContext, *, by: By, **columns: Any) -> BackupSchedule:
    """Let a VM be backed up by the clock. Raises Invalid, and Conflict where it has the same schedule already."""
    lock_vm(vm.pk)
    schedule = BackupSchedule(vm_context=vm, **columns)
    _check(schedule)
    schedule.save(force_insert=True)
    log.info("%s: back-up schedule %s of %s made", by.actor, schedule.pk, vm.pk)
    return schedule


@whole
def change_schedule(
    schedule: BackupSchedule, columns: Mapping[str, Any], *, version: int | None, by: By
) -> BackupSchedule:
    """Change columns of a schedule; its next slot is reckoned anew at the next look at the clock.

    With `version`, only where the schedule is still that one. Raises NotFound, Invalid, Conflict.
    """
    lock_vm(schedule.vm_context_id)
    changed: BackupSchedule = change_record(schedule, columns, version=version)
    _check(changed)
    log.info("%s: %s of back-up schedule %s changed", by.actor, ", ".join(columns) or "nothing", changed.pk)
    return changed


@whole
def remove_schedule(key: int, *, by: By, organization: Organization | None = None) -> None:
    """Let a VM be backed up by this schedule no more; what became of its slots stays. Raises NotFound."""
    schedule = schedule_of(key, organization)
    lock_vm(schedule.vm_context_id)
    BackupSchedule.objects.filter(pk=key).delete()
    log.info("%s: back-up schedule %s of %s removed", by.actor, key, schedule.vm_context_id)


def schedule_of(key: int, organization: Organization | None) -> BackupSchedule:
    """Raises NotFound, also for one of another organisation."""
    found = BackupSchedule.objects.select_related("vm_context__vcenter", "repository", "policy").filter(pk=key)
    if organization is not None:
        found = found.filter(vm_context__vcenter__organization=organization)
    schedule: BackupSchedule | None = found.first()
    if schedule is None:
        raise NotFound(f"There is no back-up schedule {key}.")
    return schedule


def _check(schedule: BackupSchedule) -> None:
    """Raises Invalid, and Conflict for a second one of the same."""
    try:
        schedule.clean_fields()
        schedule.clean()
        schedule.validate_constraints(exclude={"vm_context", "repository"})
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), code="bad_schedule") from None
    same = BackupSchedule.objects.filter(
        vm_context=schedule.vm_context_id, repository=schedule.repository_id, schedule=schedule.schedule
    )
    if other := same.exclude(pk=schedule.pk).first():
        raise Conflict(f"Schedule {other.pk} backs the VM up to that repository at the same times: change that one.")
