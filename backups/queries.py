"""What is kept of which VM, what of it can be restored now, and how much room all of it takes and would take.

Each answer takes a constant number of queries, for one VM as for a fleet.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, Sum

from backups.incremental import Disk, choose_base
from backups.models import (
    KEEP,
    BackupDisk,
    BackupDiskStatus,
    BackupJob,
    BackupPolicy,
    BackupRepository,
    BackupStatus,
    RestoreJob,
)
from backups.points import Copy, Point, Policy, broken_links
from inventory.models import VMContext, VMDisk


def policy_record(policy: BackupPolicy) -> Policy:
    """A stored policy as the plain record that the rules know."""
    counts = {name.removeprefix("keep_"): getattr(policy, name) for name in KEEP}
    days = policy.verify_after_days
    return Policy(policy.name, policy.time_zone, **counts, verify_after=None if days is None else timedelta(days=days))


def points_of(vms: Collection[str] | None = None, *, organization: Any = None) -> list[Point]:
    """All restore points of these VM contexts, or of an organisation's; None and None: of all."""
    jobs = BackupJob.objects.restore_points().filter(_within("vm_context", vms, organization))
    copies = defaultdict(list)
    for copy in _copies(vms, organization):
        copies[copy.pop("job_id")].append(_copy(copy))
    used = BackupPolicy.objects.filter(Exists(jobs.filter(policy=OuterRef("pk"))))
    policies = {policy.pk: policy_record(policy) for policy in used}
    return [_point(row, tuple(copies[row["id"]]), policies) for row in jobs.values(*POINT)]


POINT = (
    *("id", "vm_context_id", "repository_id", "policy_id", "parent_id", "snapshot_at", "verified_at"),
    *("verified_good", "is_protected", "locked_until"),
)


DISK = ("vm_context_id", "pk", "disk_id", "capacity_bytes")


def _within(path: str, vms: Collection[str] | None, organization: Any) -> Q:
    condition = Q() if vms is None else Q(**{f"{path}__in": list(vms)})
    return condition if organization is None else condition & Q(**{f"{path}__vcenter__organization": organization})


def _copies(vms: Collection[str] | None, organization: Any) -> Iterable[dict[str, Any]]:
    kept = BackupDisk.objects.filter(job__status=BackupStatus.COMPLETED, job__pruned_at=None)
    columns = ("job_id", "vm_disk_id", "disk_id", "status", "change_id", "capacity_bytes", "bytes_stored")
    here = kept.filter(_within("job__vm_context", vms, organization))
    return here.order_by("vm_disk_id").values(*columns)


def _copy(row: Mapping[str, Any]) -> Copy:
    return Copy(
        vm_disk=row["vm_disk_id"],
        disk_id=row["disk_id"],
        is_complete=row["status"] == BackupDiskStatus.COMPLETED,
        change_id=row["change_id"],
        capacity_bytes=row["capacity_bytes"],
        bytes_stored=row["bytes_stored"],
    )


def _point(row: Mapping[str, Any], copies: tuple[Copy, ...], policies: Mapping[int, Policy]) -> Point:
    return Point(
        id=row["id"],
        vm=row["vm_context_id"],
        repository=row["repository_id"],
        at=row["snapshot_at"],
        parent=row["parent_id"],
        copies=copies,
        policy=policies.get(row["policy_id"]),
        verified_at=row["verified_at"],
        verified_good=row["verified_good"],
        is_protected=row["is_protected"],
        locked_until=row["locked_until"],
    )


def points_in_use(vms: Collection[str] | None = None, *, organization: Any = None) -> list[Point]:
    """The same, each with the job that uses it now, and with whether the next incremental back-up builds on it."""
    points = points_of(vms, organization=organization)
    users = _users(vms, organization)
    bases = _bases(points, current_disks(vms, organization=organization))
    return [replace(point, used_by=users.get(point.id), is_base=point.id in bases) for point in points]


def _users(vms: Collection[str] | None, organization: Any) -> dict[str, str]:
    within = _within("vm_context", vms, organization)
    building = BackupJob.objects.active().filter(within, parent__isnull=False).values_list("parent_id", "id")
    reading = RestoreJob.objects.active().filter(_within("backup__vm_context", vms, organization))
    users = {parent: f"Backup job {job}" for parent, job in building}
    return users | {point: f"Restore job {job}" for point, job in reading.values_list("backup_id", "id")}


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


def _chain(point: Point, known: Mapping[str, Point]) -> tuple[str, ...]:
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
    newest: dict[str, RestorePoint | None] = dict.fromkeys(managed.values_list("pk", flat=True))
    for found in restore_points(vms, organization=organization):
        if found.is_restorable and newest.get(found.point.vm, found) is None:
            newest[found.point.vm] = found
    return newest


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


def stored_bytes(*, organization: Any = None) -> dict[BackupRepository, int]:
    """What the restore points of each repository take, as engines reported it."""
    stored = Sum(
        "backup_jobs__disks__bytes_stored",
        filter=Q(backup_jobs__status=BackupStatus.COMPLETED, backup_jobs__pruned_at=None),
    )
    here = BackupRepository.objects.all() if organization is None else organization.backup_repositories.all()
    return {repository: int(repository.stored or 0) for repository in here.annotate(stored=stored)}
