"""How long a run of a plan would take: from past runs of the same VMs, and never 0 where nobody knows."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from config.demo.factories import FailoverJobFactory, VcenterFactory
from config.jobs.moves import By
from config.refusals import Conflict
from failover.models import FailoverJob, RecoveryPlanGroup
from failover.plan_estimate import Estimate, estimate
from failover.plan_order import in_order
from failover.plan_readiness import plan_readiness
from failover.services.plans import Group, Member, Question, create_plan
from tests.failover.estates import ready_vm

pytestmark = pytest.mark.django_db


def vm_that_took(vcenter: Any, *minutes: int) -> Any:
    """A VM whose completed tests took so long."""
    vm = ready_vm(vcenter=vcenter)
    undone = {"aftermath": "none", "aftermath_since": None, "aftermath_completed_at": None}
    FailoverJob.objects.filter(vm_context=vm).update(status="failed", **undone)
    for each in minutes:
        end = timezone.now()
        FailoverJobFactory.create(
            vm_context=vm,
            status="completed",
            aftermath="cleaned",
            started_at=end - timedelta(minutes=each),
            completed_at=end,
        )
    return vm


def told(*groups: Group) -> Estimate:
    organization = ready_vm().vcenter.organization
    for group in groups:
        for member in group.members:
            organization = FailoverJob.objects.filter(vm_context=member.context_id)[0].vm_context.vcenter.organization
    return estimate(plan_readiness(create_plan(organization, "Plan", groups=groups, by=By("operator"))), "test")


def test_the_median_of_past_tests_counts_groups_add_up_and_those_beside_each_other_do_not():
    vcenter = VcenterFactory.create()
    first, second, beside = (vm_that_took(vcenter, *each) for each in ((10, 30, 20), (5,), (15,)))
    found = told(
        Group("First", (Member(first.pk),), pause_seconds=60),
        Group("Second", (Member(second.pk),), "First"),
        Group("Beside", (Member(beside.pk),)),
    )
    assert [round(step.seconds or 0) for step in found.steps] == [1200, 60, 300, 900]
    assert [round(step.starts_after or 0) for step in found.steps] == [0, 1200, 1260, 0]
    assert (round(found.seconds or 0), found.is_at_least) == (1560, False)
    assert found.steps[0].samples == 3


def test_what_was_never_done_has_no_time_and_the_whole_takes_at_least_the_rest():
    vcenter = VcenterFactory.create()
    known, unknown = vm_that_took(vcenter, 10), vm_that_took(vcenter)
    found = told(Group("All", (Member(known.pk), Member(unknown.pk))))
    assert [step.seconds and round(step.seconds) for step in found.steps] == [600, None]
    assert (round(found.seconds or 0), found.is_at_least) == (600, True)
    unknown = vm_that_took(VcenterFactory.create())
    found = told(
        Group("All", (Member(unknown.pk),), question=Question("Is it up?", 60, "stop")), Group("Last", depends_on="All")
    )
    assert (found.seconds, found.is_at_least) == (None, True)
    assert [(step.seconds, step.starts_after) for step in found.steps] == [(None, 0.0), (None, None)]


def test_a_circle_that_somebody_wrote_is_named():
    first, second = (RecoveryPlanGroup(pk=number, seq=number, name=f"g{number}") for number in (1, 2))
    first.depends_on_id, second.depends_on_id = 2, 1
    with pytest.raises(Conflict, match="The groups g1, g2 wait for each other") as refused:
        in_order([first, second, RecoveryPlanGroup(pk=3, seq=3, name="free")])
    assert refused.value.code == "circle"
