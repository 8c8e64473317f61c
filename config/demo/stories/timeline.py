"""When a job was in which status."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from config.demo.chance import chance
from config.demo.factories import JobEventFactory
from config.jobs.lifecycle import Lifecycle
from config.jobs.models import JobEvent

BY_PEOPLE = ("cancelled", "cleanup", "reverting", "committed", "unmounted")


class IllegalMove(Exception):
    """A story that the lifecycle of the job does not allow."""


@dataclass(frozen=True)
class Timeline:
    """The statuses of one job with the time of each, in order."""

    lifecycle: Lifecycle
    moves: tuple[tuple[str, datetime], ...]

    def __post_init__(self) -> None:
        for (before, _), (after, at) in pairwise(self.moves):
            if not self.lifecycle.allows(before, after):
                raise IllegalMove(f"{self.lifecycle.choices.__name__}: {before} is not followed by {after}.")
            if at > chance.now():
                raise IllegalMove(f"{after} would be in the future: {at}.")

    @property
    def status(self) -> str:
        return self.moves[-1][0]

    @property
    def statuses(self) -> tuple[str, ...]:
        return tuple(status for status, _ in self.moves)

    @property
    def begin(self) -> datetime:
        return self.moves[0][1]

    @property
    def end(self) -> datetime:
        """The time of the last move, whether it is the end or not."""
        return self.moves[-1][1]

    @property
    def is_active(self) -> bool:
        return self.status in self.lifecycle.active

    def at(self, status: str) -> datetime | None:
        """When the job came to this status; None if it never did."""
        return dict(self.moves).get(status)

    @property
    def started_at(self) -> datetime | None:
        return next((at for status, at in self.moves if status in self.lifecycle.begun), None)

    def job_fields(self) -> dict[str, Any]:
        """The columns of a job that follow from when it was in which status."""
        return {
            "status": self.status,
            "created_at": self.begin,
            "started_at": self.started_at,
            "completed_at": None if self.is_active else self.end,
            "progress_at": self.end if self.started_at else None,
        }

    def events(
        self, kind: str, job_id: str, vm_context_id: str, *, by: str, reason: str | None = None
    ) -> list[JobEvent]:
        """One event per move; the reason is that of the last one."""
        return events_of(self.moves, kind, job_id, vm_context_id, by=by, reason=reason, before=None)


def events_of(
    moves: Iterable[tuple[str, datetime]],
    kind: str,
    job_id: str,
    vm_context_id: str,
    *,
    by: str,
    reason: str | None,
    before: str | None,
) -> list[JobEvent]:
    """The events of these moves from `before` on. People create jobs and decide BY_PEOPLE, engines do the rest."""
    events = []
    for status, at in moves:
        events.append(
            JobEventFactory.build(
                at=at,
                job_kind=kind,
                job_id=job_id,
                vm_context_id=vm_context_id,
                from_status=before,
                to_status=status,
                actor=by if before is None or status in BY_PEOPLE else "engine-1",
                request_id=f"req-{chance.hex()}",
            )
        )
        before = status
    if events:
        events[-1].reason = reason
    return events


def timeline(lifecycle: Lifecycle, statuses: str, begin: datetime, *, minutes: float = 3) -> Timeline:
    """Statuses divided by blanks, each `minutes` after the one before. Raises IllegalMove."""
    return Timeline(
        lifecycle,
        tuple((status, begin + number * timedelta(minutes=minutes)) for number, status in enumerate(statuses.split())),
    )
