"""Restore points that are no longer kept: their rows stay, with the time and the reason."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import connection
from django.db.models import Case, Exists, F, OuterRef, Value, When

from backups.models import BackupJob
from backups.points import Policy
from backups.pruning import Verdict, plan_retention
from backups.queries import points_in_use
from config.jobs.claims import lock_vm
from config.jobs.moves import By, note_all
from config.schema.fields import UtcNow
from config.schema.keeping import database_now
from config.transactions import whole
from inventory.models import VMContext

VMS_AT_ONCE = 200
"""Of how many VMs the restore points are read at once."""
POINTS_AT_ONCE = 200
"""How many restore points of a VM are marked by one statement."""


def planned(*, organization: Any = None, vm: str | None = None, policy: Policy | None = None) -> Iterator[Verdict]:
    """What would become of each restore point now, VM by VM; `policy` is tried in the place of their own.

    Writes nothing.
    """
    now = database_now(connection)
    for vms in _batches(organization, vm):
        yield from plan_retention(points_in_use(vms), policy, now)


def prune(*, by: By, organization: Any = None, vm: str | None = None) -> Iterator[Verdict]:
    """Prune what is no longer kept, each VM in its own transaction; yields what became of each restore point.

    Stopped anywhere, what it has done is done, and the next call does the rest.
    """
    verdicts = planned(organization=organization, vm=vm)
    for context_id, its in groupby(verdicts, key=lambda verdict: verdict.point.vm):
        found = list(its)
        # What was planned without a lock is looked at again under it.
        yield from found if all(verdict.keep for verdict in found) else _prune(context_id, by)


@whole
def _prune(context_id: str, by: By) -> list[Verdict]:
    lock_vm(context_id)
    now: datetime = database_now(connection)
    verdicts = plan_retention(points_in_use([context_id]), None, now)
    removed = [verdict for verdict in verdicts if not verdict.keep]
    for begin in range(0, len(removed), POINTS_AT_ONCE):
        _mark({verdict.point.id: verdict.reason for verdict in removed[begin : begin + POINTS_AT_ONCE]}, by)
    return verdicts


def _mark(reasons: dict[str, str], by: By) -> None:
    """One UPDATE for all of them; their VM is locked."""
    jobs = BackupJob.objects.filter(pk__in=reasons)
    reason_of_each = Case(*(When(pk=key, then=Value(reason)) for key, reason in reasons.items()))
    jobs.update(pruned_at=UtcNow(), pruned_reason=reason_of_each, version=F("version") + 1, updated_at=UtcNow())
    note_all(jobs.order_by("pk"), by=by, reasons={key: f"pruned: {reason}" for key, reason in reasons.items()})


def _batches(organization: Any, vm: str | None) -> Iterator[list[str]]:
    """The VM contexts that have restore points, some at a time."""
    its_points = BackupJob.objects.restore_points().filter(vm_context=OuterRef("pk"))
    found = VMContext.objects.filter(Exists(its_points)).order_by("pk")
    if organization is not None:
        found = found.filter(vcenter__organization=organization)
    if vm is not None:
        found = found.filter(pk=vm)
    keys, last = found.values_list("pk", flat=True), ""
    while batch := list(keys.filter(pk__gt=last)[:VMS_AT_ONCE]):
        yield batch
        last = batch[-1]
