"""What people set up for replication: targets, and which VM is protected by which."""

import logging
from collections.abc import Mapping
from typing import Any

from config.jobs.moves import By
from config.jobs.schedules import check_schedule
from config.refusals import Conflict, NotFound
from inventory.models import Organization, VMContext
from inventory.services.records import change_record, create_record
from replication.models import Protection, Target

SENT_TO = ("api_url",)
"""What says to whom the keys of a target are sent."""

log = logging.getLogger(__name__)


def create_target(organization: Organization, columns: Mapping[str, Any], *, by: By) -> Target:
    """Make a target cloud known. Raises Conflict, Invalid."""
    row = Target(organization=organization, **columns)
    create_record(row)
    log.info("%s: target %s made", by.actor, row.pk)
    return row


def change_target(row: Target, columns: Mapping[str, Any], *, version: int | None, by: By) -> Target:
    """Change what is said of a target. Raises Conflict, Invalid, NotFound."""
    changed: Target = change_record(row, columns, version=version, sent_to=SENT_TO)
    log.info("%s: target %s changed in %s", by.actor, row.pk, ", ".join(columns))
    return changed


def protect_vm(vm: VMContext, target: Target, columns: Mapping[str, Any], *, by: By) -> Protection:
    """Protect a VM by a target. Raises Conflict where it is protected or archived, Invalid, NotFound."""
    if vm.archived_at is not None:
        raise Conflict(f"{vm.name} is archived, and nothing is copied of it: discover it again first.", code="archived")
    _refuse_what_cannot_be(vm, target, columns)
    row = Protection(vm_context=vm, target=target, **columns)
    create_record(row)
    log.info("%s: %s protected by target %s", by.actor, vm.pk, target.pk)
    return row


def change_protection(
    row: Protection, columns: Mapping[str, Any], *, version: int | None, by: By, target: Target | None = None
) -> Protection:
    """Change how a VM is protected, and with `target` by which. Raises Conflict, Invalid, NotFound."""
    _refuse_what_cannot_be(row.vm_context, target or row.target, columns)
    said = {**columns, "target": target} if target else columns
    changed: Protection = change_record(row, said, version=version)
    log.info("%s: protection of %s changed in %s", by.actor, row.vm_context_id, ", ".join(said))
    return changed


def _refuse_what_cannot_be(vm: VMContext, target: Target, columns: Mapping[str, Any]) -> None:
    if target.organization_id != vm.vcenter.organization_id:
        raise NotFound(f"There is no target {target.pk}.")
    if schedule := columns.get("schedule"):
        check_schedule(schedule)
