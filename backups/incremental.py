"""On which restore point the next back-up of a VM may build, and why on none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backups.points import Point, broken_links
from inventory.change_ids import is_change_id


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk that a VM has now."""

    key: int
    disk_id: str
    capacity_bytes: int | None


@dataclass(frozen=True)
class Choice:
    """What the next back-up builds on; None: it is a full one."""

    parent: Point | None
    reason: str


def choose_base(disks: Iterable[Disk], points: Sequence[Point], repository: int) -> Choice:
    """The newest restore point in this repository of which every disk has a copy that its changes can be asked from.

    `points` are all those of the VM. Where there is none, the reason is that of the newest.
    """
    current = sorted(disks, key=lambda disk: disk.key)
    faults = broken_links(points)
    here = sorted((point for point in points if point.repository == repository), key=lambda point: point.age_key)
    reasons = []
    for point in reversed(here):
        why_not = faults[point.id] or _lacks(current, point)
        if why_not is None:
            return Choice(point, f"Each of the {len(current)} disks has a copy with a change id in {point.id}.")
        reasons.append(why_not)
    return Choice(None, reasons[0] if reasons else "This VM has no restore point in this repository yet.")


def _lacks(disks: Sequence[Disk], point: Point) -> str | None:
    copies = {copy.vm_disk: copy for copy in point.copies if copy.is_complete}
    for disk in disks:
        copy = copies.get(disk.key)
        if copy is None:
            return f"{disk.disk_id} has no copy in {point.id}."
        if copy.disk_id != disk.disk_id:
            return f"{disk.disk_id} was {copy.disk_id} in {point.id}."
        if not is_change_id(copy.change_id):
            return f"{disk.disk_id} has no change id in {point.id}."
        if disk.capacity_bytes is None or copy.capacity_bytes is None:
            return f"The capacity of {disk.disk_id} is unknown, now or in {point.id}."
        if disk.capacity_bytes != copy.capacity_bytes:
            return f"{disk.disk_id} has {disk.capacity_bytes} bytes now and had {copy.capacity_bytes} in {point.id}."
    return None
