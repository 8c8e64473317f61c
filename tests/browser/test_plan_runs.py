"""A person tests a plan from its page: reads what would be done, starts it, answers its question, cleans up."""

from typing import Any

import pytest
from playwright.sync_api import expect

from config.demo.engine import Engine
from config.jobs.moves import By
from failover.models import RecoveryPlan
from failover.services.plans import Group, Member, Question, create_plan
from tests.browser.conftest import Visit
from tests.browser.test_records import act, look
from tests.config.api.client import hub_of
from tests.failover.estates import ready_vm

pytestmark = pytest.mark.every_engine


@pytest.fixture
def plan() -> RecoveryPlan:
    database = ready_vm(name="payroll-db")
    application = ready_vm(name="payroll-app", vcenter=database.vcenter)
    groups = (
        Group("Databases", (Member(database.pk),), question=Question("Does the database answer?", 1800, "stop")),
        Group("Applications", (Member(application.pk, is_critical=False),), "Databases"),
    )
    return create_plan(database.vcenter.organization, "Payroll", rto_seconds=3600, groups=groups, by=By("ada"))


def test_a_plan_is_tested_answered_cleaned_up_and_has_passed(visit: Visit, plan: RecoveryPlan) -> None:
    engine = Engine(hub_of(plan.organization, "read", "engine", name="engine"))
    page: Any = visit.page
    address = f"/admin/failover/recoveryplan/{plan.pk}/change/"
    visit.go(address)
    panel = page.locator("#panel-plan")
    expect(panel).to_contain_text("No test of it has ever passed.")
    expect(panel.locator(".hub-ready")).to_have_count(2)
    look(visit, "plan")
    page.get_by_role("link", name="Test the plan …").click()
    expect(page.locator("#content")).to_contain_text("Does the database answer?")
    look(visit, "plan-test-confirm")
    visit.go(address)
    act(visit, "Test the plan", "the test of the quarter")
    expect(page.locator(".messagelist")).to_contain_text("Test run started")

    run = page.locator("#panel-run")
    assert engine.do_next("failover") is not None
    expect(run).to_contain_text("It waits for a person", timeout=15_000)
    look(visit, "plan-run-waiting")
    run.get_by_role("link", name="Answer it").click()
    page.get_by_label("Your answer").select_option("continue")
    page.get_by_label("Why").fill("it answers")
    page.get_by_role("button", name="Answer").click()
    assert engine.do_next("failover") is not None
    expect(run).to_contain_text("3 of 3 steps are over", timeout=15_000)
    page.reload()
    act(visit, "Clean up", "all of it came up")
    for _ in range(2):
        assert engine.do_next("failover") is not None
    page.reload()
    expect(run.locator(".hub-good")).to_have_text("passed")
    expect(run.get_by_role("link", name="evidence")).to_have_count(2)
    look(visit, "plan-run-passed")
    visit.go(address)
    expect(panel).to_contain_text("The test of")
