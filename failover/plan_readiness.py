"""Whether a plan could be run right now: the readiness of its VMs, by the checks that each of them alone gets."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from failover.models import RecoveryPlan, RecoveryPlanMember
from failover.readiness import Readiness, Verdict, readiness_of_all
from inventory.models import VMContext


@dataclass(frozen=True)
class MemberReadiness:
    """One VM of a plan, with what was found about it."""

    member: RecoveryPlanMember
    readiness: Readiness

    def blocks(self, kind: str) -> bool:
        """Whether the plan waits for it: a critical VM that is not ready, or of which that cannot be told."""
        return self.member.is_critical and not self.readiness.is_ready(kind)

    def is_risk(self, kind: str) -> bool:
        """Whether the plan would go on without it: the same of a VM that is not critical."""
        return not self.member.is_critical and not self.readiness.is_ready(kind)


@dataclass(frozen=True)
class PlanReadiness:
    """A plan with its VMs, in the order of groups."""

    plan: RecoveryPlan
    members: tuple[MemberReadiness, ...]

    def blocking(self, kind: str) -> list[MemberReadiness]:
        return [each for each in self.members if each.blocks(kind)]

    def risks(self, kind: str) -> list[MemberReadiness]:
        return [each for each in self.members if each.is_risk(kind)]

    def verdict(self, kind: str) -> Verdict:
        """Ready only where every critical VM is, and there is a VM at all to fail over."""
        if blocking := self.blocking(kind):
            verdicts = {each.readiness.verdict(kind) for each in blocking}
            return Verdict.UNKNOWN if verdicts == {Verdict.UNKNOWN} else Verdict.NOT_READY
        return Verdict.READY if any(each.readiness.is_ready(kind) for each in self.members) else Verdict.NOT_READY

    def is_ready(self, kind: str) -> bool:
        return self.verdict(kind) == Verdict.READY

    def reason(self, kind: str) -> str:
        """The verdict as a sentence."""
        blocking, risks = self.blocking(kind), self.risks(kind)
        if not self.members:
            return "The plan has no VMs: add some."
        if blocking:
            names = _some(each.readiness.name for each in blocking)
            return f"{len(blocking)} of {len(self.members)} VMs are critical and not ready, so nothing starts: {names}."
        if len(risks) == len(self.members):
            return "None of the VMs is ready, so there is nothing to fail over."
        if risks:
            return (
                f"It would run without {len(risks)} VMs that are not ready: {_some(r.readiness.name for r in risks)}."
            )
        return f"All {len(self.members)} VMs are ready."


SHOWN = 5


def _some(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more


def plan_readiness(plan: RecoveryPlan, *, now: datetime | None = None) -> PlanReadiness:
    """The readiness of one plan, in as many queries for a thousand VMs as for one."""
    return plan_readiness_of_all([plan], now=now)[0]


def plan_readiness_of_all(plans: Iterable[RecoveryPlan], *, now: datetime | None = None) -> list[PlanReadiness]:
    """The readiness of these plans, in their order and in as many queries as for one."""
    every = list(plans)
    members: dict[int, list[RecoveryPlanMember]] = {plan.pk: [] for plan in every}
    rows = RecoveryPlanMember.objects.filter(plan__in=every).select_related("group")
    for member in rows.order_by("group__seq", "pk"):
        members[member.plan_id].append(member)
    # Archived VMs too: that one is archived is what has to be found out about it.
    vms = VMContext.objects.filter(plan_memberships__plan__in=every).distinct()
    found = {each.vm_context_id: each for each in readiness_of_all(vms, now=now)}
    return [
        PlanReadiness(
            plan,
            tuple(
                MemberReadiness(member, found[member.vm_context_id])
                for member in members[plan.pk]
                if member.vm_context_id in found
            ),
        )
        for plan in every
    ]
