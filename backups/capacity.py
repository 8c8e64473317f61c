"""How full each repository is, what is still to come to it, and when it will be full; four queries for any fleet."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, Sum
from django.utils import timezone

from backups.models import BackupDisk, BackupJob, BackupRepository, BackupSchedule, BackupStatus

MEASURED = timedelta(days=30)
"""Over which time growth is measured."""
LEAST = timedelta(days=7)
"""A repository that has had restore points for less than this grows nobody knows how fast."""
DAY = timedelta(days=1)


@dataclass(frozen=True)
class RepositoryCapacity:
    """None is what nobody knows, and never 0."""

    repository: BackupRepository
    used_bytes: int
    """What its restore points take, as engines reported it."""
    planned_bytes: int
    """Of the disks of VMs that are scheduled to it and have no restore point there yet."""
    planned_vms: int
    planned_disks_of_unknown_capacity: int
    """They are not in the sum: what is to come is more."""
    grown_bytes: int | None
    """In the last thirty days, or since its first restore point where that is younger."""
    growth_bytes_per_day: float | None
    days_to_full: float | None
    """0: what is planned does not fit. None: see `why`."""
    why: str
    """How the days came about, or why there are none, as a sentence."""


def repository_capacity(
    *, organization: Any = None, repository: BackupRepository | None = None, now: datetime | None = None
) -> list[RepositoryCapacity]:
    """Each repository, by name, with what it holds, what will come, and in how many days it is full at this pace.

    Of all, of an organisation's, or of this one.
    """
    at = now or timezone.now()
    repositories = BackupRepository.objects.defer("credentials").order_by("name", "pk")
    if organization is not None:
        repositories = repositories.filter(organization=organization)
    if repository is not None:
        repositories = repositories.filter(pk=repository.pk)
    keys = list(repositories)
    planned = {row["repository"]: row for row in _planned(keys)}
    stored = {row["job__repository"]: row for row in _stored(keys, at - MEASURED)}
    first = dict(
        BackupJob.objects.filter(status=BackupStatus.COMPLETED, repository__in=keys)
        .values_list("repository")
        .annotate(first=Min("snapshot_at"))
        .order_by()
    )
    return [_capacity(each, stored.get(each.pk), planned.get(each.pk), first.get(each.pk), at) for each in keys]


def _stored(repositories: list[BackupRepository], since: datetime) -> Any:
    """By repository, what lies there now, and by how much that is more than it was then."""
    came, went = Q(job__snapshot_at__gte=since), Q(job__pruned_at__gte=since)
    copies = BackupDisk.objects.filter(job__status=BackupStatus.COMPLETED, job__repository__in=repositories)
    return (
        copies.values("job__repository")
        .annotate(
            used=Sum("bytes_stored", filter=Q(job__pruned_at=None)),
            came=Sum("bytes_stored", filter=came),
            went=Sum("bytes_stored", filter=went),
        )
        .order_by()
    )


def _planned(repositories: list[BackupRepository]) -> Any:
    """By repository, the disks of VMs that are scheduled to it and have no restore point there."""
    alike = {"vm_context": OuterRef("vm_context"), "repository": OuterRef("repository")}
    schedules = BackupSchedule.objects.on().filter(repository__in=repositories)
    # A VM that is scheduled there twice is counted once.
    first = schedules.filter(~Exists(BackupSchedule.objects.on().filter(**alike, pk__lt=OuterRef("pk"))))
    disk = "vm_context__disks"
    present = Q(**{f"{disk}__removed_at": None, f"{disk}__isnull": False})
    return (
        first.filter(~Exists(BackupJob.objects.restore_points().filter(**alike)))
        .values("repository")
        .annotate(
            bytes=Sum(f"{disk}__capacity_bytes", filter=present),
            vms=Count("vm_context", distinct=True),
            unknown=Count(f"{disk}__pk", filter=present & Q(**{f"{disk}__capacity_bytes": None})),
        )
        .order_by()
    )


def _capacity(
    repository: BackupRepository, stored: Any, planned: Any, first: datetime | None, at: datetime
) -> RepositoryCapacity:
    used = int(stored["used"] or 0) if stored else 0
    coming = int(planned["bytes"] or 0) if planned else 0
    grown = growth = None
    if stored and first is not None and at - first >= LEAST:
        grown = int(stored["came"] or 0) - int(stored["went"] or 0)
        growth = grown / (min(MEASURED, at - first) / DAY)
    days, why = _days_to_full(repository.capacity_bytes, used + coming, growth)
    return RepositoryCapacity(
        repository,
        used_bytes=used,
        planned_bytes=coming,
        planned_vms=planned["vms"] if planned else 0,
        planned_disks_of_unknown_capacity=planned["unknown"] if planned else 0,
        grown_bytes=grown,
        growth_bytes_per_day=growth,
        days_to_full=days,
        why=why,
    )


def _days_to_full(capacity: int | None, taken: int, growth: float | None) -> tuple[float | None, str]:
    if capacity is None:
        return None, "Nobody has said how much it holds."
    if taken >= capacity:
        return 0.0, "What it holds and what is planned take all of it."
    if growth is None:
        return None, f"It has had restore points for less than {LEAST.days} days, so how fast it grows is unknown."
    if growth <= 0:
        return None, f"It has not grown in the last {MEASURED.days} days."
    return (capacity - taken) / growth, f"At the pace of the last {MEASURED.days} days, after what is planned."
