"""What the page of a VM tells of the copies of its disks."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from config.admin import Panel
from inventory.models import SyncStatus, VMContext
from replication.queries import disks_of, protection_of, with_protection

GOOD, BAD = "good", "bad"
SYNC = {SyncStatus.COMPLETED.value: GOOD, SyncStatus.FAILED.value: BAD, SyncStatus.SYNCING.value: "working"}


class DisksPanel(Panel):
    """The disks of a VM with their volumes, change ids and how far the copy of each is."""

    template = "replication/panel.html"
    permission = "inventory.view_vmdisk"
    place = 30

    def widened(self, records: QuerySet[VMContext]) -> QuerySet[VMContext]:
        return with_protection(records)

    def facts(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        rows = [
            {
                "disk": disk,
                "volume": getattr(disk, "target_volume", None),
                "look": SYNC.get(disk.sync_status, "unknown"),
                "percent": disk.sync_progress_percent if disk.sync_status == SyncStatus.SYNCING else None,
                "base": disk.base_change_id,
                "is_resized": disk.base_change_id is not None and disk.base_capacity != disk.capacity_bytes,
            }
            for disk in sorted(disks_of(record), key=lambda disk: disk.removed_at is not None)
        ]
        known = [row["disk"].capacity_bytes for row in rows if row["disk"].removed_at is None]
        total = None if None in known or not known else sum(known)
        return {"protection": protection_of(record), "rows": rows, "count": len(known), "total": total}
