"""Plans run from their pages: said first, confirmed with a reason, decided by those who may."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.demo.factories import OrganizationFactory, RecoveryPlanStepFactory, UserFactory
from config.jobs import engines
from config.jobs.models import JobEvent
from config.jobs.moves import By
from failover.models import FailoverJob, RecoveryPlan, RecoveryPlanRun, RecoveryPlanStep
from failover.services.plan_advance import advance_plan_runs
from failover.services.plans import Group, Member, Question, create_plan
from tests.failover.estates import ready_vm
from tests.people import member
from tests.test_admin_actions import SAID, act, address, buttons, said, staff
from tests.test_admin_pages import page

pytestmark = pytest.mark.django_db
ENGINE = By("engine-1")
QUESTION = Question("Does the database answer?", 1800, "stop")
ON_THE_WAY = ("snapshotting", "creating_vm", "switching_volume", "powering_on")


@pytest.fixture
def client(client: Client) -> Client:
    client.force_login(UserFactory(username="ada", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def plan() -> RecoveryPlan:
    """A database, a question, and the application that waits for the answer."""
    database = ready_vm(name="db")
    application = ready_vm(name="app", vcenter=database.vcenter)
    groups = (
        Group("Databases", (Member(database.pk),), question=QUESTION),
        Group("Apps", (Member(application.pk),), "Databases"),
    )
    return create_plan(database.vcenter.organization, "Shop", groups=groups, by=By("ada"))


def work() -> None:
    """An engine does the next thing, and the plan goes on."""
    taken = engines.take_next(["failover"], engine="engine-1", by=ENGINE)
    assert taken is not None
    if taken.job.status == "validating":
        for status in ON_THE_WAY:
            engines.advance(taken.job.job_id, taken.fence, status, by=ENGINE)
    engines.complete(taken.job.job_id, taken.fence, by=ENGINE)
    advance_plan_runs()


def run_of(plan: RecoveryPlan) -> Any:
    return RecoveryPlanRun.objects.get(plan=plan)


def asked(plan: RecoveryPlan) -> RecoveryPlanStep:
    return RecoveryPlanStep.objects.get(run__plan=plan, kind="manual")


def test_a_plan_is_tested_from_its_page_answered_cleaned_up_and_has_passed(client: Client, plan: RecoveryPlan) -> None:
    text = client.get(address(plan, "start-test-run")).content.decode()
    assert "Creates a test failover of each VM of Shop" in text
    assert "Does the database answer?" in text
    assert not RecoveryPlanRun.objects.exists()

    answer = act(client, plan, "start-test-run")
    run = run_of(plan)
    assert answer.redirect_chain[-1][0] == page(RecoveryPlanRun, "change", run.pk)
    assert JobEvent.objects.filter(reason="the hall burns", actor="ada").count() == 3
    assert buttons(client, plan) == set()
    assert buttons(client, run) == {"Cancel"}

    work()
    run.refresh_from_db()
    assert (run.status, buttons(client, run)) == ("waiting", {"Answer", "Cancel"})
    act(client, run, "answer", seq=asked(plan).seq, answer="continue")
    assert asked(plan).message == "ada: continue. the hall burns"
    work()
    run.refresh_from_db()
    assert (run.status, buttons(client, run)) == ("completed", {"Clean up"})

    assert "of 2 VMs" in client.get(address(run, "clean-up")).content.decode()
    act(client, run, "clean-up")
    work()
    work()
    text = client.get(page(RecoveryPlanRun, "change", run.pk)).content.decode()
    assert '<span class="hub-tag hub-good">passed</span>' in text
    assert "The test of" in client.get(page(RecoveryPlan, "change", plan.pk)).content.decode()
    told = LogEntry.objects.filter(change_message__contains="the hall burns").values_list("object_id", flat=True)
    assert sorted(told) == sorted([str(plan.pk), str(run.pk), str(run.pk)])


@pytest.mark.parametrize(("decision", "aftermath"), [("commit", "committed"), ("roll-back", "reverting")])
def test_a_live_run_is_accepted_or_rolled_back(
    client: Client, plan: RecoveryPlan, decision: str, aftermath: str
) -> None:
    act(client, plan, "start-live-run")
    work()
    run = run_of(plan)
    act(client, run, "answer", seq=asked(plan).seq, answer="continue")
    work()
    assert buttons(client, run) == {"Roll back", "Accept"}
    act(client, run, decision)
    assert set(FailoverJob.objects.filter(plan_step__run=run).values_list("aftermath", flat=True)) == {aftermath}


def test_a_run_is_cancelled_once(client: Client, plan: RecoveryPlan) -> None:
    act(client, plan, "start-test-run")
    run = run_of(plan)
    act(client, run, "cancel")
    run.refresh_from_db()
    assert (run.status, run.reason, buttons(client, run)) == ("cancelled", "the hall burns", set())
    assert "has ended as cancelled" in said(act(client, run, "cancel"))


def test_an_answer_says_what_it_is_and_goes_to_the_question_that_was_shown(client: Client, plan: RecoveryPlan) -> None:
    act(client, plan, "start-test-run")
    run = run_of(plan)
    seq = asked(plan).seq
    assert "waits for no answer any more" in said(act(client, run, "answer", seq=seq, answer="continue"))
    work()
    assert "This field is required" in said(act(client, run, "answer", seq=seq))
    RecoveryPlanStepFactory(run=run, seq=9, status="running", title="Another question")
    assert "waits for no answer any more" in said(act(client, run, "answer", seq=seq - 1, answer="stop"))
    run.refresh_from_db()
    assert run.status == "waiting"
    act(client, run, "answer", seq=seq, answer="stop")
    run.refresh_from_db()
    assert run.ending == "failed"
    assert list(run.steps.filter(kind="manual").order_by("seq").values_list("status", flat=True)) == [
        "failed",
        "skipped",
    ]


def test_a_plan_that_is_not_ready_says_why_and_is_overridden_only_by_who_may(
    client: Client, plan: RecoveryPlan
) -> None:
    vm = plan.members.get(vm_context__name="db").vm_context
    vm.network_mappings.filter(purpose="test").delete()
    text = client.get(page(RecoveryPlan, "change", plan.pk)).content.decode()
    assert "NIC.UNMAPPED" in text and "waits for it" in text
    operator = member(plan.organization, "operator")
    assert "override" not in operator.get(address(plan, "start-test-run")).context["form"].fields
    assert "NIC.UNMAPPED" not in said(act(operator, plan, "start-test-run", override="on"))
    assert not RecoveryPlanRun.objects.exists()
    act(client, plan, "start-test-run", override="on")
    overridden = FailoverJob.objects.get(plan_step__run__plan=plan, vm_context=vm)
    assert (overridden.override_reason, overridden.override_by) == ("the hall burns", "ada")


def test_a_viewer_has_no_button_and_403_behind_each_an_operator_has_them_and_a_stranger_404(plan: RecoveryPlan) -> None:
    operator, viewer = member(plan.organization, "operator"), member(plan.organization, "viewer")
    stranger = member(OrganizationFactory(), "admin")
    assert buttons(operator, plan) == {"Test the plan", "Fail the plan over"}
    assert buttons(viewer, plan) == set()
    act(operator, plan, "start-test-run")
    run = run_of(plan)
    work()
    assert buttons(operator, run) == {"Answer", "Cancel"}
    assert buttons(viewer, run) == set()
    assert "Answer it" not in viewer.get(page(RecoveryPlanRun, "change", run.pk)).content.decode()
    before = list(JobEvent.objects.values_list("pk", flat=True))
    for record in (plan, run):
        shown = viewer.get(page(type(record), "change", record.pk))
        for action in shown.context["adminform"].model_admin.record_actions:
            for person, code in ((viewer, 403), (stranger, 404)):
                where = address(record, action.name)
                assert person.get(where).status_code == code, action.name
                assert person.post(where, SAID | {"seq": "2", "answer": "stop"}).status_code == code, action.name
    assert list(JobEvent.objects.values_list("pk", flat=True)) == before


def test_each_decision_has_a_permission_of_its_own(plan: RecoveryPlan) -> None:
    seeing = ("failover.view_recoveryplan", "failover.view_recoveryplanrun")
    tester = staff(*seeing, "failover.add_recoveryplanrun", "failover.clean_up_plan_run")
    assert buttons(tester, plan) == {"Test the plan"}
    assert tester.post(address(plan, "start-live-run"), SAID).status_code == 403
    answering = staff(*seeing, "failover.change_recoveryplanstep")
    act(tester, plan, "start-test-run")
    work()
    assert buttons(tester, run_of(plan)) == set()
    assert buttons(answering, run_of(plan)) == {"Answer"}


def test_the_page_of_a_plan_with_twenty_vms_costs_no_query_more(client: Client, plan: RecoveryPlan) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get(reverse("admin:failover_recoveryplan_change", args=[plan.pk]))
        return len(seen)

    queries()
    few = queries()
    vcenter = plan.members.first().vm_context.vcenter  # type: ignore[union-attr]
    group = plan.groups.first()
    for number in range(5):
        plan.members.create(group=group, vm_context=ready_vm(name=f"more-{number}", vcenter=vcenter))
    assert queries() == few
