"""What retention means, said once more: slowly, and in other words than backups/pruning.py."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from backups.points import Point, Policy


def kept_ids(points: list[Point], now: datetime) -> set[str]:
    """Who is kept where each goes by its own policy."""
    good = [point for point in points if is_good(point, points)]
    kept = set()
    for point in points:
        alike = [each for each in good if same_group(each, point) and not each.is_protected]
        newer_good = [each for each in good if same_place(each, point) and comes_after(each, point)]
        if (
            point.policy is None
            or point.is_protected
            or (point.locked_until is not None and now < point.locked_until)
            or point.used_by
            or point.is_base
            or point.id in chosen(alike, point.policy)
            or point == newest([each for each in good if each.vm == point.vm])
            or (point not in good and not newer_good)
        ):
            kept.add(point.id)
    for key in list(kept):
        kept.update(ancestors(by_id(points, key), points))
    return kept


def chosen(points: list[Point], policy: Policy) -> set[str]:
    """Whom the calendar keeps, rule after rule: whom one passes over, no later one takes."""
    zone = ZoneInfo(policy.time_zone)
    found: list[Point] = []
    undecided = list(points)
    for count, start_of in (
        (policy.last, lambda at: at),
        (policy.hourly, lambda at: hour(at, zone)),
        (policy.daily, lambda at: day(at, zone)),
        (policy.weekly, lambda at: monday(day(at, zone))),
        (policy.monthly, lambda at: day(at, zone).replace(day=1)),
        (policy.yearly, lambda at: day(at, zone).replace(month=1, day=1)),
    ):
        covered = {start_of(point.at) for point in found}
        periods = sorted({start_of(point.at) for point in undecided} - covered, reverse=True)
        for period in periods[:count]:
            within = [point for point in undecided if start_of(point.at) == period]
            found.append(newest(within))
            undecided = [point for point in undecided if point not in within]
    return {point.id for point in found}


def hour(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(minute=0, second=0, microsecond=0, tzinfo=None, fold=0)


def day(at: datetime, zone: ZoneInfo) -> datetime:
    return hour(at, zone).replace(hour=0)


def monday(at: datetime) -> datetime:
    while at.strftime("%a") != "Mon":
        at -= timedelta(days=1)
    return at


def newest(points: list[Point]) -> Point | None:
    found = None
    for point in points:
        if found is None or comes_after(point, found):
            found = point
    return found


def comes_after(one: Point, other: Point) -> bool:
    return (one.at, one.id) > (other.at, other.id)


def same_place(one: Point, other: Point) -> bool:
    return one.vm == other.vm and one.repository == other.repository


def same_group(one: Point, other: Point) -> bool:
    return same_place(one, other) and one.policy == other.policy


def by_id(points: list[Point], key: str | None) -> Point | None:
    return next((point for point in points if point.id == key), None)


def ancestors(point: Point | None, points: list[Point]) -> list[str]:
    found = []
    while point and (point := by_id(points, point.parent)) and point.id not in found:
        found.append(point.id)
    return found


def is_good(point: Point, points: list[Point]) -> bool:
    """Every link down to a full one is there, of this VM and repository, has all copies, and is not known as bad."""
    seen = []
    while True:
        below = by_id(points, point.parent)
        if point.id in seen or not point.copies or point.verified_good is False:
            return False
        if not all(copy.is_complete for copy in point.copies):
            return False
        if point.parent is None:
            return True
        if below is None or not same_place(below, point):
            return False
        if not {copy.vm_disk for copy in point.copies} <= {copy.vm_disk for copy in below.copies}:
            return False
        seen.append(point.id)
        point = below
