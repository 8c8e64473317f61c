"""How old the newest complete copy of a VM is, and since when that is too old.

The age counts from the instant of the source that was copied, not from the end of the copying.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce, Greatest

from inventory.models import VMContext, VMDisk
from replication.models import DiskStatus, ReplicationDisk, ReplicationJob, ReplicationStatus

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


@dataclass(frozen=True)
class Runs:
    """What is known of the runs of a VM, whatever they copied."""

    newest: str | None
    """The completed run that holds the newest instant of the source."""
    heard_at: datetime | None
    """When an engine, or who asked for a run, said something last."""


def runs_of_each() -> dict[str, Any]:
    """Annotations of a query of VMs: the two columns of `Runs`, each read from one end of an index."""
    runs = ReplicationJob.objects.filter(vm_context=OuterRef("pk"))
    completed = runs.filter(status=ReplicationStatus.COMPLETED, snapshot_at__isnull=False)
    # A run is made when the one before it has ended, so the newest has the last word.
    said = (Coalesce(time, "created_at") for time in ("progress_at", "completed_at"))
    last_words = runs.order_by("-created_at").annotate(said=Greatest("created_at", *said))
    return {
        "newest_run": Subquery(completed.order_by("-snapshot_at", "-pk").values("pk")[:1]),
        "heard_at": Subquery(last_words.values("said")[:1]),
    }


def rpo_of(vms: Iterable[Any], now: datetime) -> dict[Any, Rpo]:
    """The answer for each of these VMs by its key, in a number of queries that does not grow with them."""
    keys = [vm.pk for vm in vms]
    columns = ("pk", "protection__rpo_seconds", *(told := runs_of_each()))
    found = list(VMContext.objects.filter(pk__in=keys).order_by().annotate(**told).values_list(*columns))
    disks: dict[Any, dict[int, str]] = {key: {} for key in keys}
    present = VMDisk.objects.filter(vm_context__in=keys, removed_at=None).order_by()
    for vm, disk, disk_id in present.values_list("vm_context", "pk", "disk_id"):
        disks[vm][disk] = disk_id
    limits = {vm: limit for vm, limit, *_ in found}
    return rpo_with(limits, disks, {vm: Runs(*runs) for vm, _, *runs in found}, now)


def rpo_with(
    limits: Mapping[Any, int | None],
    disks: Mapping[Any, Mapping[int, str]],
    runs: Mapping[Any, Runs],
    now: datetime,
) -> dict[Any, Rpo]:
    """The same in one query, where all but what the newest runs hold is known already.

    `disks`: of each VM that is asked for, by its key, the disk ids by the keys of the disks.
    """
    none = Runs(None, None)
    newest = _copies([its.newest for its in runs.values() if its.newest is not None])
    found = {}
    for vm, present in disks.items():
        its = runs.get(vm, none)
        found[vm] = _answer(limits.get(vm), present, newest.get(its.newest, {}), its.heard_at, now)
    return found


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


def _copies(runs: Collection[str]) -> dict[str | None, dict[int, datetime]]:
    """By run, the disks that it copied and the instant of the source that they hold."""
    found: dict[str | None, dict[int, datetime]] = defaultdict(dict)
    rows = ReplicationDisk.objects.filter(job__in=runs, status=DiskStatus.COMPLETED)
    for run, disk, at in rows.values_list("job", "vm_disk", "job__snapshot_at"):
        if at is not None:
            found[run][disk] = at
    return found


def _answer(
    limit: int | None,
    disks: Mapping[int, str],
    copies: Mapping[int, datetime],
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
