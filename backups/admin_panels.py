"""What the page of a VM tells of its restore points and of pruning them, and that of a repository of how full it is."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from backups.capacity import MEASURED, repository_capacity
from backups.incremental import Disk
from backups.points import broken_links, verification
from backups.pruning import plan_retention
from backups.queries import capacity_needed, points_in_use
from config.admin import Panel

SHOWN = 30


class RestorePointsPanel(Panel):
    template = "backups/panel.html"
    permission = "backups.view_backupjob"
    place = 50

    def facts(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        disks = [
            Disk(each.pk, each.disk_id, each.capacity_bytes) for each in record.disks.all() if each.removed_at is None
        ]
        points = points_in_use([record.pk], disks={record.pk: disks})
        now = timezone.now()
        faults = broken_links(points)
        verdicts = plan_retention(points, None, now)
        rows = [
            {
                "point": verdict.point,
                "verdict": verdict,
                "fault": faults[verdict.point.id],
                "verified": verification(verdict.point, now),
                "bytes": sum(copy.bytes_stored or 0 for copy in verdict.point.copies),
            }
            for verdict in verdicts
        ]
        return {
            "rows": rows[:SHOWN],
            "more": len(rows) - len(rows[:SHOWN]),
            "count": len(rows),
            "removed": sum(not verdict.keep for verdict in verdicts),
            "newest_good": next((row["point"] for row in rows if row["fault"] is None), None),
        }


class CapacityPanel(Panel):
    template = "backups/capacity.html"
    permission = "backups.view_backuprepository"

    def facts(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        [found] = repository_capacity(repository=record)
        needed = capacity_needed(organization=record.organization_id)
        return {
            "found": found,
            "measured": MEASURED.days,
            "shrinks": found.grown_bytes is not None and found.grown_bytes < 0,
            "grown": None if found.grown_bytes is None else abs(found.grown_bytes),
            "rooms": [
                ("All managed VMs", needed.of_all),
                ("VMs without a restore point", needed.without_restore_point),
            ],
        }
