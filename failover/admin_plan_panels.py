"""What the pages of a recovery plan and of its runs tell: whether it could be run now, and how a run stands."""

from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpRequest
from django.urls import reverse

from config.admin import Panel, may
from failover.findings import BOTH
from failover.models import Aftermath, RecoveryPlanStep, StepStatus
from failover.models.jobs import STEP_ENDS
from failover.plan_outcome import MIXED, active_run, aftermath_of, has_passed, keeps_rto, time_taken
from failover.plan_readiness import PlanReadiness, plan_readiness
from failover.queries import last_passed_tests

REFRESH_SECONDS = 5
BAR = 300
"""How wide the bar of the steps is."""

LEFT = {each.value: str(each.label).lower() for each in Aftermath} | {MIXED: "mixed"}
"""What became of what a run made, by the aftermath of its jobs as one."""


def lacking(found: PlanReadiness, *kinds: str) -> list[dict[str, Any]]:
    """The VMs of a plan that are not ready for one of these kinds, each with what speaks against it."""
    rows = []
    for each in found.members:
        blockers = {id(finding): finding for kind in kinds for finding in each.readiness.blockers(kind)}
        if blockers:
            rows.append({"member": each.member, "name": each.readiness.name, "findings": list(blockers.values())})
    return rows


class PlanPanel(Panel):
    """Whether all of its VMs could be failed over together now, its run that is not over, and its last passed test."""

    template = "failover/plan_panel.html"
    permission = "failover.view_recoveryplan"

    def facts(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        found = plan_readiness(record)
        return {
            "verdicts": [(kind, found.verdict(kind), found.reason(kind)) for kind in BOTH],
            "lacking": lacking(found, *BOTH),
            "active": active_run(record),
            "passed": last_passed_tests(type(record).objects.filter(pk=record.pk)).get(),
        }


class PlanRunPanel(Panel):
    """How far the run is, what it asks a person, and what has become of what it made."""

    template = "failover/plan_run_panel.html"
    permission = "failover.view_recoveryplanrun"

    def facts(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        ordered = RecoveryPlanStep.objects.select_related("failover_job").order_by("seq")
        prefetch_related_objects([record], Prefetch("steps", queryset=ordered))
        steps = list(record.steps.all())
        over = sum(step.status in STEP_ENDS for step in steps)
        asked = [step for step in steps if step.kind == "manual" and step.status == StepStatus.RUNNING]
        may_answer = record.is_active and may(request.user, "failover.change_recoveryplanstep", record)
        taken = time_taken(record)
        return {
            "run": record,
            "steps": steps,
            "over": over,
            "bar": f"{BAR * over / len(steps):.1f}" if steps else "0",
            "asked": asked if record.is_active else [],
            "answer": reverse("admin:failover_recoveryplanrun_act", args=[record.pk, "answer"]) if may_answer else None,
            "aftermath": LEFT[aftermath_of(step.failover_job for step in steps if step.failover_job)],
            "passed": has_passed(record),
            "seconds": None if taken is None else taken.total_seconds(),
            "keeps_rto": keeps_rto(record),
            "refresh": REFRESH_SECONDS,
        }
