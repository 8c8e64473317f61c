"""Restore points as plain records, and whether each can be restored: a fact about its whole chain."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal


@dataclass(frozen=True)
class Policy:
    """How many restore points are kept, and by whose calendar. Raises ValueError where that would be none."""

    name: str
    time_zone: str = "UTC"
    """An IANA name."""
    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    verify_after: timedelta | None = None

    def __post_init__(self) -> None:
        counts = (self.last, self.hourly, self.daily, self.weekly, self.monthly, self.yearly)
        if min(counts) < 0 or not any(counts):
            raise ValueError(f"Policy {self.name} keeps nothing: say how many of the last, or of which periods.")


@dataclass(frozen=True, slots=True)
class Copy:
    """The copy of one disk in one back-up."""

    vm_disk: int
    disk_id: str
    """As it was then."""
    is_complete: bool
    change_id: str | None = None
    capacity_bytes: int | None = None
    bytes_stored: int | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A back-up that has completed and is not pruned."""

    id: str
    vm: str
    repository: int
    at: datetime
    """The instant of the source that it holds."""
    parent: str | None = None
    copies: tuple[Copy, ...] = ()
    policy: Policy | None = None
    verified_at: datetime | None = None
    verified_good: bool | None = None
    is_protected: bool = False
    locked_until: datetime | None = None
    used_by: str | None = None
    """The job that reads it or builds on it now, in words."""
    is_base: bool = False
    """Whether the next incremental back-up would build on it."""

    @property
    def age_key(self) -> tuple[datetime, str]:
        """Orders the points of a VM by time, without a tie."""
        return self.at, self.id


def broken_links(points: Iterable[Point]) -> dict[str, str | None]:
    """Why each point cannot be restored, as a sentence that names the link at fault; None where it can.

    Takes all the points of the VMs in question: a parent that is not among them is none that can be read.
    """
    known = {point.id: point for point in points}
    found: dict[str, str | None] = {}
    for point in known.values():
        chain, seen = [], set()
        while point.id not in found and point.id not in seen:
            chain.append(point)
            seen.add(point.id)
            if point.parent not in known:
                break
            point = known[point.parent]
        for link in reversed(chain):
            if link.parent in seen and link.parent not in found:
                found[link.id] = f"{link.id} builds on {link.parent}, which builds on it."
            else:
                found[link.id] = _fault(link, known, found)
    return found


def _fault(link: Point, known: Mapping[str, Point], found: Mapping[str, str | None]) -> str | None:
    if own := _own_fault(link):
        return own
    if link.parent is None:
        return None
    parent = known.get(link.parent)
    if parent is None:
        return f"{link.id} builds on {link.parent}, which is no restore point: it was pruned or never completed."
    if (parent.vm, parent.repository) != (link.vm, link.repository):
        return f"{link.id} builds on {parent.id}, which is of another VM or in another repository."
    below = {copy.vm_disk for copy in parent.copies}
    if added := next((copy.disk_id for copy in link.copies if copy.vm_disk not in below), None):
        return f"{link.id} holds the changes of {added} only, of which {parent.id} has no copy."
    return found[parent.id]


def _own_fault(point: Point) -> str | None:
    if not point.copies:
        return f"{point.id} holds no copy of any disk."
    if lacking := next((copy.disk_id for copy in point.copies if not copy.is_complete), None):
        return f"{point.id} holds no complete copy of {lacking}."
    return f"{point.id} was verified and found bad." if point.verified_good is False else None


Verification = Literal["never", "good", "stale", "bad"]


def verification(point: Point, now: datetime) -> Verification:
    """What is known of the copies themselves: a good verification that is older than the policy asks for is stale."""
    if point.verified_good is None or point.verified_at is None:
        return "never"
    if not point.verified_good:
        return "bad"
    limit = point.policy.verify_after if point.policy else None
    return "stale" if limit is not None and now - point.verified_at > limit else "good"
