"""Replications that the clock asks for: each protection's schedule, slot by slot."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from config.jobs.slots import CLOCK, Timetable
from replication.models import Protection, ReplicationSlot
from replication.services.jobs import create_replication


class Replications(Timetable):
    schedules = Protection
    slots = ReplicationSlot

    def start(self, schedule: Any) -> Any:
        return create_replication(
            schedule.vm_context, target=schedule.target, by=CLOCK, reason=f"Its schedule: {schedule.schedule}"
        )

    def key(self, schedule: Any) -> Mapping[str, Any]:
        return {"vm_context_id": schedule.vm_context_id}

    def schedule_of(self, slot: Any) -> Any:
        return Protection.objects.on().filter(vm_context=slot.vm_context_id).first()


def start_due_replications(now: datetime) -> int:
    """Start what the schedules of protections ask for until now; how much was settled. See `Timetable.start_due`."""
    return Replications().start_due(now)
