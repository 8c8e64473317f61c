"""Which restore points are kept and which are not, and why: the one function that simulates and prunes.

The keep-* rules are those of Proxmox Backup Server (`pbs-datastore/src/prune.rs`): each goes over the points from the
newest to the oldest, keeps the newest of as many periods as it says, and skips a period that an earlier rule has kept
a point of; a point that one rule passes over for a newer one of its period is taken by no later rule. Hours, days, ISO
weeks, months and years are those of the policy's time zone; the hour that comes twice when clocks are put back is one.
What cannot be restored takes no place, nor does what is protected.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from backups.points import Point, Policy, broken_links

RULES = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
UNITS = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}


@dataclass(frozen=True)
class Verdict:
    """What becomes of one restore point."""

    point: Point
    keep: bool
    code: str
    """For programs. Kept: a rule's name, protected, locked, in_use, base, last_good, chain, unreadable, no_policy or
    no_calendar. Removed: same_period, beyond or unreadable."""
    reason: str


class Plan:
    """The verdicts as they are found: the first reason to keep a point is the one that is told."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, str]] = {}
        self.removed: dict[str, tuple[str, str]] = {}

    def keep(self, point: Point, code: str, reason: str) -> None:
        self.kept.setdefault(point.id, (code, reason))

    def remove(self, point: Point, code: str, reason: str) -> None:
        """Unless there is a reason to keep it."""
        self.removed.setdefault(point.id, (code, reason))

    def verdict(self, point: Point) -> Verdict:
        keep = point.id in self.kept
        return Verdict(point, keep, *(self.kept if keep else self.removed)[point.id])


def plan_retention(points: Iterable[Point], policy: Policy | None, now: datetime) -> list[Verdict]:
    """What is to become of each of these, which are all the restore points of some VMs; the newest of a VM first.

    `policy` is tried in the place of the points' own; None: each goes by the one that it was made under, and counts
    together with those of the same VM, repository and policy.
    """
    newest_first = sorted(points, key=lambda point: point.age_key, reverse=True)
    faults = broken_links(newest_first)
    groups: dict[tuple[str, int, Policy | None], list[Point]] = defaultdict(list)
    for point in newest_first:
        groups[point.vm, point.repository, policy or point.policy].append(point)
    plan = Plan()
    for (_, _, chosen), group in groups.items():
        _by_policy(plan, group, chosen, faults)
    _by_what_it_is(plan, newest_first, faults, now)
    _by_what_builds_on_it(plan, newest_first)
    return [plan.verdict(point) for point in sorted(newest_first, key=lambda point: point.vm)]


def _by_policy(plan: Plan, group: Sequence[Point], policy: Policy | None, faults: Mapping[str, str | None]) -> None:
    """What the calendar says of the points that count together, which come newest first."""
    for point in group:
        if point.is_protected:
            plan.keep(point, "protected", "It is protected.")
        elif policy is None:
            plan.keep(point, "no_policy", "It was made under no policy: give it one, or prune it by hand.")
    if policy is None:
        return
    try:
        zone = ZoneInfo(policy.time_zone)
    except (KeyError, ValueError, OSError):
        for point in group:
            sentence = f"{policy.time_zone} of policy {policy.name} is no time zone: correct it."
            plan.keep(point, "no_calendar", sentence)
        return
    countable = [point for point in group if not point.is_protected and faults[point.id] is None]
    dated = [(point, point.at.astimezone(zone)) for point in countable]
    asked = {rule: count for rule in RULES if (count := getattr(policy, rule))}
    for rule, count in asked.items():
        _by_rule(plan, dated, rule, count)
    counts = ", ".join(f"keep-{rule} {count}" for rule, count in asked.items())
    beyond = f"It is older than what {counts} of policy {policy.name} keeps."
    for point in countable:
        plan.remove(point, "beyond", beyond)


def _by_rule(plan: Plan, dated: Sequence[tuple[Point, datetime]], rule: str, count: int) -> None:
    """Keep the newest point of each of the `count` newest periods that no earlier rule keeps a point of."""
    covered = {period_of(rule, point, local) for point, local in dated if point.id in plan.kept}
    taken: dict[str, str] = {}
    for point, local in dated:
        if point.id in plan.kept or point.id in plan.removed:
            continue
        if (period := period_of(rule, point, local)) in covered:
            continue
        if newer := taken.get(period):
            plan.remove(point, "same_period", f"{newer} is newer and of the same {UNITS[rule]}, {period}.")
        elif len(taken) == count:
            return
        else:
            taken[period] = point.id
            of = f"the newest of its {UNITS[rule]}, {period}" if rule in UNITS else "one of the newest"
            plan.keep(point, rule, f"keep-{rule}: it is {of} ({len(taken)} of {count}).")


def period_of(rule: str, point: Point, local: datetime) -> str:
    """The name of the period of the rule in which the point lies; `local`: its time by the clocks of the zone."""
    if rule == "last":
        return point.id
    if rule == "weekly":
        week = local.isocalendar()
        return f"{week.year:04}-W{week.week:02}"
    # Piece by piece: strftime is most of what the plan of a fleet would take.
    name = f"{local.year:04}"
    if rule != "yearly":
        name += f"-{local.month:02}"
    if rule in ("daily", "hourly"):
        name += f"-{local.day:02}"
    return f"{name} {local.hour:02}:00" if rule == "hourly" else name


def _by_what_it_is(plan: Plan, newest_first: Sequence[Point], faults: Mapping[str, str | None], now: datetime) -> None:
    """What no calendar removes, and what cannot be restored."""
    newest_good: dict[tuple[str, int | None], Point] = {}
    for point in newest_first:
        if faults[point.id] is None:
            newest_good.setdefault((point.vm, None), point)
            newest_good.setdefault((point.vm, point.repository), point)
    for point in newest_first:
        if point.locked_until is not None and point.locked_until > now:
            plan.keep(point, "locked", f"It is locked until {point.locked_until:%Y-%m-%dT%H:%M:%SZ}.")
        if point.used_by is not None:
            plan.keep(point, "in_use", f"{point.used_by} uses it.")
        if point.is_base:
            plan.keep(point, "base", "The next incremental back-up builds on it.")
        if newest_good.get((point.vm, None)) is point:
            plan.keep(point, "last_good", "It is the last of this VM that can be restored.")
        if fault := faults[point.id]:
            newer = newest_good.get((point.vm, point.repository))
            if newer is None or newer.age_key < point.age_key:
                plan.keep(point, "unreadable", f"It cannot be restored, but neither can a newer one: {fault}")
            else:
                plan.remove(point, "unreadable", f"It cannot be restored, and {newer.id} is newer and can: {fault}")


def _by_what_builds_on_it(plan: Plan, newest_first: Sequence[Point]) -> None:
    """Keep what a kept point descends from, whatever its age says."""
    known = {point.id: point for point in newest_first}
    for kept in [point for point in newest_first if point.id in plan.kept]:
        parent = known.get(kept.parent or "")
        while parent is not None and parent.id not in plan.kept:
            plan.keep(parent, "chain", f"{kept.id}, which is kept, descends from it.")
            parent = known.get(parent.parent or "")
