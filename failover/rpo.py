"""How old the newest copies are. To be replaced by `replication.rpo`, which has the same interface and knows more."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max

from replication.models import Protection, ReplicationJob, ReplicationStatus


@dataclass(frozen=True, slots=True)
class Rpo:
    """Whether the newest complete copy of a VM is as young as was agreed."""

    state: str
    """met, breached or unknown"""
    age_seconds: float | None
    since: datetime | None
    reason: str


def rpo_of(vms: Iterable[Any], now: datetime) -> Mapping[str, Rpo]:
    """The RPO of each VM that is protected, by its key; for the others it is unknown."""
    keys = [vm.pk for vm in vms]
    jobs = ReplicationJob.objects.filter(vm_context__in=keys, status=ReplicationStatus.COMPLETED)
    newest = dict(jobs.order_by().values_list("vm_context_id").annotate(Max("snapshot_at")))
    allowed = Protection.objects.filter(vm_context__in=keys).values_list("vm_context_id", "rpo_seconds")
    return {vm: _rpo(newest.get(vm), seconds, now) for vm, seconds in allowed}


def _rpo(snapshot_at: datetime | None, allowed: int, now: datetime) -> Rpo:
    if snapshot_at is None:
        return Rpo("unknown", None, None, "No complete copy says which instant it holds.")
    age = (now - snapshot_at).total_seconds()
    if age <= allowed:
        return Rpo("met", age, None, "")
    return Rpo("breached", age, snapshot_at + timedelta(seconds=allowed), "")
