"""Which jobs a person should look at, as filters of the rows of one kind."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

STUCK_AFTER = timedelta(minutes=30)
FAILED_WITHIN = timedelta(hours=24)


@dataclass(frozen=True)
class Attention:
    """A reason to look at a job."""

    name: str
    words: str
    of: Callable[[QuerySet[Any]], QuerySet[Any]]
    tone: str = "bad"


def lost(jobs: Any) -> Any:
    """Their engine has been silent for longer than its lease."""
    return jobs.lost()


def stuck(jobs: Any) -> Any:
    """Their engine reports and nothing has moved for STUCK_AFTER."""
    at_work = jobs.worked_on().annotate(moved_at=Coalesce("progress_at", "started_at", "created_at"))
    fresh = Q(silent_for__lte=F(f"{jobs.model.LEASE}lease_seconds"))
    return at_work.filter(fresh, moved_at__lt=timezone.now() - STUCK_AFTER)


def failed(jobs: Any) -> Any:
    return jobs.filter(status="failed", completed_at__gte=timezone.now() - FAILED_WITHIN)


def for_a_person(jobs: Any) -> Any:
    """No engine can go on with them: somebody has to decide."""
    model = jobs.model
    worked = model.worked_in()
    held = {
        field: [value for value in values if value not in worked.get(field, ())]
        for field, values in model.active_in().items()
    }
    conditions = [Q(**{f"{field}__in": values}) for field, values in held.items() if values]
    return jobs.filter(reduce(or_, conditions)) if conditions else jobs.none()


def for_an_engine(jobs: Any) -> Any:
    return jobs.waiting()


ATTENTION = (
    Attention("lost", "lost", lost),
    Attention("stuck", "no progress for 30 minutes", stuck, "warn"),
    Attention("failed", "failed in 24 hours", failed),
    Attention("person", "wait for a person", for_a_person, "warn"),
    Attention("engine", "wait for an engine", for_an_engine, "plain"),
)
