"""What a run of a plan would do, in which order, and how long that took before. It changes nothing."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.db.models import Window
from django.db.models.functions import RowNumber

from failover.models import FailoverJob, FailoverStatus, PlanStepKind, RecoveryPlanGroup
from failover.plan_order import in_order
from failover.plan_readiness import MemberReadiness, PlanReadiness

SAMPLES = 20
"""Of each VM so many of its newest completed failovers count."""


@dataclass(frozen=True)
class PlannedStep:
    """What would be done. None is a time that nobody knows."""

    seq: int
    group: RecoveryPlanGroup
    kind: str
    title: str
    is_critical: bool
    starts_after: float | None
    """Seconds from the start of the run at which it begins at the soonest, as far as times are known."""
    seconds: float | None
    samples: int = 0
    """From how many past runs the time is; none for a pause, which is known."""
    member: MemberReadiness | None = None
    would_be_skipped: bool = False


@dataclass(frozen=True)
class Estimate:
    """The steps of a run that is not made, and how long it would take."""

    steps: tuple[PlannedStep, ...]
    seconds: float | None
    """None: nothing at all is known of its time."""
    is_at_least: bool
    """Some time in it is not known, so that it takes `seconds` and more."""


def estimate(readiness: PlanReadiness, kind: str) -> Estimate:
    """How a run of the plan would go now, groups at the same time where none waits for the other.

    Times are medians of past failovers of the same kind of the same VMs. How long a person takes to answer is not
    known. Two queries. Raises Circle.
    """
    groups = in_order(readiness.plan.groups.all())
    taken = _past(kind, [each.member.vm_context_id for each in readiness.members])
    ends: dict[int, _Clock] = {}
    steps: list[PlannedStep] = []
    for group in groups:
        clock = ends.get(group.depends_on_id or 0, _Clock())
        mine = [each for each in readiness.members if each.member.group_id == group.pk]
        steps += _failovers(group, mine, clock, kind, taken, len(steps))
        clock = clock.after(step.seconds for step in steps if step.group is group and not step.would_be_skipped)
        for kind_of_step, title, seconds in _afterwards(group):
            steps.append(PlannedStep(len(steps) + 1, group, kind_of_step, title, True, clock.shown, seconds))
            clock = clock.after([seconds])
        ends[group.pk] = clock
    last = max(ends.values(), key=lambda clock: clock.seconds, default=_Clock())
    is_at_least = any(not clock.is_exact for clock in ends.values())
    return Estimate(tuple(steps), last.seconds or None, is_at_least)


@dataclass(frozen=True)
class _Clock:
    """How many seconds after the start of the run it is at the soonest."""

    seconds: float = 0.0
    is_exact: bool = True

    def after(self, lengths: Any) -> "_Clock":
        """When all of these that begin now have ended."""
        every = list(lengths)
        known = [length for length in every if length is not None]
        return _Clock(self.seconds + max(known, default=0.0), self.is_exact and len(known) == len(every))

    @property
    def shown(self) -> float | None:
        """The very start is known; nothing else that is 0 because its times are unknown."""
        return self.seconds if self.seconds or self.is_exact else None


def _failovers(
    group: RecoveryPlanGroup,
    members: Sequence[MemberReadiness],
    clock: _Clock,
    kind: str,
    taken: dict[str, list[float]],
    before: int,
) -> list[PlannedStep]:
    steps = []
    for number, each in enumerate(members, start=before + 1):
        past = taken[each.member.vm_context_id]
        steps.append(
            PlannedStep(
                seq=number,
                group=group,
                kind=PlanStepKind.FAILOVER.value,
                title=failover_title(each.readiness.name),
                is_critical=each.member.is_critical,
                starts_after=clock.shown,
                seconds=median(past) if past else None,
                samples=len(past),
                member=each,
                would_be_skipped=each.is_risk(kind),
            )
        )
    return steps


def _afterwards(group: RecoveryPlanGroup) -> list[tuple[str, str, float | None]]:
    """What follows once the VMs of a group are up."""
    following: list[tuple[str, str, float | None]] = []
    if group.pause_seconds:
        following.append((PlanStepKind.PAUSE.value, pause_title(group), float(group.pause_seconds)))
    if group.question:
        following.append((PlanStepKind.MANUAL.value, group.question, None))
    return following


def failover_title(vm_name: str) -> str:
    return f"Fail over {vm_name}"[:255]


def pause_title(group: RecoveryPlanGroup) -> str:
    return f"Wait {group.pause_seconds} s after {group.name}"


def _past(kind: str, vms: list[str]) -> dict[str, list[float]]:
    """How many seconds the newest completed failovers of each VM took, the wait for an engine left out."""
    jobs = FailoverJob.objects.filter(
        vm_context__in=vms, job_type=kind, status=FailoverStatus.COMPLETED, started_at__isnull=False
    )
    age = Window(RowNumber(), partition_by="vm_context_id", order_by="-created_at")
    newest = jobs.filter(completed_at__isnull=False).annotate(age=age).filter(age__lte=SAMPLES)
    found: dict[str, list[float]] = defaultdict(list)
    for vm, started, ended in newest.values_list("vm_context_id", "started_at", "completed_at"):
        found[vm].append((ended - started).total_seconds())
    return found
