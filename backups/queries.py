"""What is kept of which VM, what of it can be restored now, and how much room all of it would take.

Each answer takes a constant number of queries, for one VM as for a fleet.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Count, Exists, F, FilteredRelation, OuterRef, Q, Sum, Value

from backups.incremental import Disk, choose_base
from backups.models import (
    KEEP,
    BackupDisk,
    BackupDiskStatus,
    BackupJob,
    BackupPolicy,
    RestoreJob,
)
from backups.points import Copy, Point, Policy, broken_links
from inventory.models import VMContext, VMDisk

POINTS_AT_ONCE = 10_000
"""Of how many restore points the copies are read at once."""


def policy_record(policy: BackupPolicy) -> Policy:
    """A stored policy as the plain record that the rules know."""
    return _policy({name: getattr(policy, name.removeprefix("policy__")) for name in POLICY})


def _policy(row: Mapping[str, Any]) -> Policy:
    counts = {name.removeprefix("keep_"): row[f"policy__{name}"] for name in KEEP}
    days = row["policy__verify_after_days"]
    verify_after = None if days is None else timedelta(days=days)
    return Policy(row["policy__name"], row["policy__time_zone"], **counts, verify_after=verify_after)


def points_of(vms: Collection[str] | None = None, *, organization: Any = None) -> list[Point]:
    """All restore points of these VM contexts, or of an organisation's; None and None: of all."""
    return _points(_jobs(vms, organization))


def _jobs(vms: Collection[str] | None, organization: Any) -> Any:
    return BackupJob.objects.restore_points().filter(_within("vm_context", vms, organization))


def _points(jobs: Any) -> list[Point]:
    copies = defaultdict(list)
    # Put into order here: a database that was asked for it goes through all copies that there are, for those of one VM.
    found = BackupDisk.objects.filter(job__in=jobs.order_by().values("pk")).order_by()
    for job, *copy in found.values_list("job_id", *COPY):
        copies[job].append(_copy(*copy))
    policies: dict[int, Policy] = {}
    return [
        _point(row, tuple(sorted(copies[row["id"]], key=lambda copy: copy.vm_disk)), policies)
        for row in jobs.order_by().values(*POINT, *POLICY)
    ]


POINT = (
    *("id", "vm_context_id", "repository_id", "policy_id", "parent_id", "snapshot_at", "verified_at"),
    *("verified_good", "is_protected", "locked_until"),
)
POLICY = tuple(f"policy__{name}" for name in ("name", "time_zone", "verify_after_days", *KEEP))
COPY = ("vm_disk_id", "disk_id", "status", "change_id", "capacity_bytes", "bytes_stored")


DISK = ("vm_context_id", "pk", "disk_id", "capacity_bytes")


def _within(path: str, vms: Collection[str] | None, organization: Any) -> Q:
    condition = Q() if vms is None else Q(**{f"{path}__in": list(vms)})
    return condition if organization is None else condition & Q(**{f"{path}__vcenter__organization": organization})


def _copy(vm_disk: int, disk_id: str, status: str, *others: Any) -> Copy:
    return Copy(vm_disk, disk_id, status == BackupDiskStatus.COMPLETED.value, *others)


def _point(row: Mapping[str, Any], copies: tuple[Copy, ...], policies: dict[int, Policy]) -> Point:
    """`policies`: those that are known by now; points of one policy have one record of it."""
    key = row["policy_id"]
    if key is not None and key not in policies:
        policies[key] = _policy(row)
    return Point(
        id=row["id"],
        vm=row["vm_context_id"],
        repository=row["repository_id"],
        at=row["snapshot_at"],
        parent=row["parent_id"],
        copies=copies,
        policy=policies.get(key),
        verified_at=row["verified_at"],
        verified_good=row["verified_good"],
        is_protected=row["is_protected"],
        locked_until=row["locked_until"],
    )


def points_in_use(
    vms: Collection[str] | None = None, *, organization: Any = None, disks: Mapping[str, list[Disk]] | None = None
) -> list[Point]:
    """The same, each with the job that uses it now, and with whether the next incremental back-up builds on it.

    `disks`: those that each VM has now, where somebody has read them already.
    """
    points = points_of(vms, organization=organization)
    users = _users(vms, organization)
    bases = _bases(points, current_disks(vms, organization=organization) if disks is None else disks)
    return [
        replace(point, used_by=users.get(point.id), is_base=point.id in bases)
        if point.id in users or point.id in bases
        else point
        for point in points
    ]


def _users(vms: Collection[str] | None, organization: Any) -> dict[str, str]:
    within = _within("vm_context", vms, organization)
    building = BackupJob.objects.active().filter(within, parent__isnull=False).order_by()
    reading = RestoreJob.objects.active().filter(_within("backup__vm_context", vms, organization)).order_by()
    found = (
        jobs.annotate(what=Value(what)).values_list(point, "id", "what")
        for what, jobs, point in (("Backup job", building, "parent_id"), ("Restore job", reading, "backup_id"))
    )
    users: dict[str, str] = {}
    for point, job, what in next(found).union(next(found), all=True):
        if what == "Restore job" or point not in users:
            users[point] = f"{what} {job}"
    return users


def current_disks(vms: Collection[str] | None = None, *, organization: Any = None) -> dict[str, list[Disk]]:
    """The disks that each VM has now at its source."""
    found = VMDisk.objects.filter(_within("vm_context", vms, organization), removed_at=None).order_by("device_key")
    disks = defaultdict(list)
    for vm, key, disk_id, capacity in found.values_list(*DISK):
        disks[vm].append(Disk(key, disk_id, capacity))
    return disks


def _bases(points: Iterable[Point], disks: Mapping[str, list[Disk]]) -> set[str]:
    by_vm = defaultdict(list)
    for point in points:
        by_vm[point.vm].append(point)
    choices = (
        choose_base(disks[vm], its, repository)
        for vm, its in by_vm.items()
        if vm in disks
        for repository in {point.repository for point in its}
    )
    return {choice.parent.id for choice in choices if choice.parent}


@dataclass(frozen=True)
class RestorePoint:
    """A restore point, and what can be done with it."""

    point: Point
    chain: tuple[str, ...]
    """What has to be read to restore it: from the full back-up to itself."""
    why_not: str | None
    """Why it cannot be restored, with the link at fault; None where it can."""

    @property
    def is_restorable(self) -> bool:
        return self.why_not is None

    @property
    def bytes_stored(self) -> int:
        """Of its own copies, without those that it builds on."""
        return sum(copy.bytes_stored or 0 for copy in self.point.copies)


def restore_points(vms: Collection[str] | None = None, *, organization: Any = None) -> list[RestorePoint]:
    """All restore points, the newest first."""
    points = points_of(vms, organization=organization)
    known, faults = {point.id: point for point in points}, broken_links(points)
    newest_first = sorted(points, key=lambda point: point.age_key, reverse=True)
    return [RestorePoint(point, _chain(point, known), faults[point.id]) for point in newest_first]


def _chain(point: "Point | Link", known: "Mapping[str, Point] | Mapping[str, Link]") -> tuple[str, ...]:
    chain = [point.id]
    while (parent := known.get(point.parent or "")) is not None and parent.id not in chain:
        chain.append(parent.id)
        point = parent
    return tuple(reversed(chain))


def restorable_now(vms: Collection[str] | None = None, *, organization: Any = None) -> dict[str, RestorePoint | None]:
    """The newest point that each managed VM can be restored from; None where there is none."""
    managed = VMContext.objects.managed().filter(_within("pk", vms, None))
    if organization is not None:
        managed = managed.filter(vcenter__organization=organization)
    newest: dict[str, str | None] = dict.fromkeys(managed.values_list("pk", flat=True))
    jobs = _jobs(vms, organization)
    links = {link.id: link for link in _links(jobs)}
    good = _good(links, jobs)
    for link in links.values():
        if link.id in good and link.vm in newest:
            newest[link.vm] = link.id
    points = {point.id: point for point in _of_ids([key for key in newest.values() if key])}
    return {
        vm: RestorePoint(points[key], _chain(points[key], links), None) if key in points else None
        for vm, key in newest.items()
    }


class Link(NamedTuple):
    """Of a restore point only what a chain is made of."""

    id: str
    vm: str
    repository: int
    parent: str | None


def _links(jobs: Any) -> Iterator[Link]:
    """The oldest first, as the database orders them: reading their times here would take most of the time."""
    columns = jobs.order_by("snapshot_at", "pk").values_list("pk", "vm_context_id", "repository_id", "parent_id")
    return (Link(*row) for row in columns)


def _good(links: Mapping[str, Link], jobs: Any) -> set[str]:
    """Those that can be restored, as `broken_links` has it: the database names the links that are at fault."""
    faulty = set(_faulty(jobs))
    good: dict[str | None, bool] = {None: True}
    for link in links.values():
        walked: dict[str, Link] = {}
        at: Link | None = link
        while at is not None and at.id not in good and at.id not in walked:
            walked[at.id] = at
            at = links.get(at.parent) if at.parent else None
        for each in reversed(walked.values()):
            below = links.get(each.parent) if each.parent else None
            fits = each.parent is None or (
                below is not None and (below.vm, below.repository) == (each.vm, each.repository)
            )
            # A parent that is not decided yet is one that builds on this one.
            good[each.id] = fits and each.id not in faulty and good.get(each.parent, False)
    return {key for key, is_good in good.items() if key is not None and is_good}


def _faulty(jobs: Any) -> Iterator[str]:
    """Those of these restore points of which no copy is there, or one is incomplete, bad, or of changes to none."""
    bad = jobs.filter(Q(verified_good=False) | ~Exists(BackupDisk.objects.filter(job=OuterRef("pk"))))
    # One join of all copies with those below them, where a question for each copy takes many times as long.
    below = FilteredRelation("job__parent__disks", condition=Q(job__parent__disks__vm_disk=F("vm_disk")))
    lacking = ~Q(status=BackupDiskStatus.COMPLETED) | Q(job__parent__isnull=False, below__isnull=True)
    copies = BackupDisk.objects.filter(job__in=jobs.order_by().values("pk")).annotate(below=below).filter(lacking)
    keys = bad.order_by().values_list("pk").union(copies.order_by().values_list("job_id"))
    return (key for (key,) in keys)


def _of_ids(keys: list[str]) -> Iterator[Point]:
    for begin in range(0, len(keys), POINTS_AT_ONCE):
        yield from _points(BackupJob.objects.filter(pk__in=keys[begin : begin + POINTS_AT_ONCE]))


@dataclass(frozen=True)
class Room:
    """How much room full back-ups of discovered VMs take, whether any is made yet or not."""

    vms: int
    disks: int
    capacity_bytes: int
    disks_of_unknown_capacity: int
    """They are not in the sum: what is needed is more."""


@dataclass(frozen=True)
class Capacity:
    """What all managed VMs would take, and what of it has no restore point yet."""

    of_all: Room
    without_restore_point: Room


def capacity_needed(*, organization: Any = None) -> Capacity:
    """Planned from the disks that discovery found on managed VMs, protected or not."""
    disks = VMDisk.objects.filter(removed_at=None, vm_context__archived_at=None)
    if organization is not None:
        disks = disks.filter(vm_context__vcenter__organization=organization)
    backed_up = BackupJob.objects.restore_points().filter(vm_context=OuterRef("vm_context"))
    return Capacity(_room(disks), _room(disks.exclude(Exists(backed_up))))


def _room(disks: Any) -> Room:
    unknown = Count("pk", filter=Q(capacity_bytes=None))
    sums = disks.aggregate(
        vms=Count("vm_context", distinct=True), disks=Count("pk"), capacity=Sum("capacity_bytes"), unknown=unknown
    )
    return Room(sums["vms"], sums["disks"], int(sums["capacity"] or 0), sums["unknown"])
