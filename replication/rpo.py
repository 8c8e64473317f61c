"""How old the newest complete copy of a VM is, and since when that is too old.

The age counts from the instant of the source that was copied, not from the end of the copying.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Max

from inventory.models import VMDisk
from replication.models import DiskStatus, Protection, ReplicationDisk, ReplicationJob, ReplicationStatus

SILENT_INTERVALS = 3
"""After how many intervals without a word of any engine nobody knows how the copy stands."""


class RpoState(StrEnum):
    MET = "met"
    BREACHED = "breached"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Rpo:
    """The answer for one VM. Unknown is never good."""

    state: RpoState
    age_seconds: float | None
    """How old the newest complete copy is; None where there is none."""
    limit_seconds: int | None
    since: datetime | None
    """Since when it is breached."""
    reason: str


@dataclass(frozen=True)
class Breach:
    """From when to when a VM had no copy that was young enough; `end` None: still."""

    begin: datetime
    end: datetime | None


def rpo_of(vms: Iterable[Any], now: datetime) -> dict[Any, Rpo]:
    """The answer for each of these VMs by its key, in a number of queries that does not grow with them."""
    keys = [vm.pk for vm in vms]
    limits = dict(Protection.objects.filter(vm_context__in=keys).values_list("vm_context", "rpo_seconds"))
    disks: dict[Any, dict[int, str]] = defaultdict(dict)
    present = VMDisk.objects.filter(vm_context__in=keys, removed_at=None).order_by()
    for vm, disk, disk_id in present.values_list("vm_context", "pk", "disk_id"):
        disks[vm][disk] = disk_id
    newest = _newest_copies(keys)
    heard = {
        row["vm_context"]: max(filter(None, (row["said"], row["ended"], row["made"])))
        for row in ReplicationJob.objects.filter(vm_context__in=keys)
        .values("vm_context")
        .annotate(said=Max("progress_at"), ended=Max("completed_at"), made=Max("created_at"))
        .order_by()
    }
    return {key: _answer(limits.get(key), disks[key], newest.get(key, {}), heard.get(key), now) for key in keys}


def breach_intervals(
    points: Iterable[tuple[datetime, datetime]], rpo: timedelta, begin: datetime, end: datetime
) -> list[Breach]:
    """When between two times no copy was young enough, exactly; before the first copy there is nothing to be too old.

    `points`: for each complete run the instant of the source, and when the copy of it was available. A copy is too old
    from its instant and the RPO on, until one of a later instant is available.
    """
    found: list[Breach] = []
    newest: tuple[datetime, datetime] | None = None
    there = sorted((point for point in points if point[1] <= end), key=lambda point: (point[1], point[0]))
    for instant, available in [*there, (None, end)]:
        if newest and (instant is None or instant > newest[0]):
            too_old = max(newest[0] + rpo, newest[1], begin)
            if too_old < available:
                # A copy that was too old when it came has ended nothing.
                since = found.pop().begin if found and found[-1].end == too_old else too_old
                found.append(Breach(since, None if instant is None else available))
        if instant is not None and (newest is None or instant > newest[0]):
            newest = (instant, available)
    return found


def _newest_copies(keys: list[Any]) -> dict[Any, dict[int, datetime]]:
    """By VM, the disks that its newest completed run copied and the instant of the source that they hold."""
    completed = ReplicationJob.objects.filter(
        vm_context__in=keys, status=ReplicationStatus.COMPLETED, snapshot_at__isnull=False
    )
    instants = dict(completed.values_list("vm_context").annotate(newest=Max("snapshot_at")).order_by())
    found: dict[Any, dict[int, datetime]] = defaultdict(dict)
    rows = ReplicationDisk.objects.filter(
        job__in=completed.filter(snapshot_at__in=set(instants.values())), status=DiskStatus.COMPLETED
    ).values_list("job__vm_context", "vm_disk", "job__snapshot_at")
    for vm, disk, at in rows:
        if at == instants[vm]:
            found[vm][disk] = at
    return found


def _answer(
    limit: int | None,
    disks: dict[int, str],
    copies: dict[int, datetime],
    heard: datetime | None,
    now: datetime,
) -> Rpo:
    if limit is None:
        return Rpo(RpoState.UNKNOWN, None, None, None, "It is not protected, so nobody has said how old a copy may be.")
    if not copies:
        return Rpo(RpoState.UNKNOWN, None, limit, None, "It was never copied completely.")
    if lacking := [disk_id for key, disk_id in disks.items() if key not in copies]:
        return Rpo(RpoState.UNKNOWN, None, limit, None, f"Its newest copy does not hold {', '.join(sorted(lacking))}.")
    snapshot = min(copies.values())
    age = (now - snapshot).total_seconds()
    if age <= limit:
        return Rpo(RpoState.MET, age, limit, None, "Its newest copy is young enough.")
    if heard is None or (now - heard).total_seconds() > SILENT_INTERVALS * limit:
        return Rpo(RpoState.UNKNOWN, age, limit, None, f"No engine has said anything of it for {SILENT_INTERVALS} RPO.")
    since = snapshot + timedelta(seconds=limit)
    return Rpo(RpoState.BREACHED, age, limit, since, "Its newest copy is too old.")
