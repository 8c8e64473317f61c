"""A run of a plan: what begins when, what stops it, and that nobody does anything twice."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.demo.factories import UserFactory, VcenterFactory
from config.jobs import engines, people
from config.jobs.kinds import find_job
from config.jobs.models import JobEvent
from config.jobs.moves import By
from config.jobs.refusals import ClaimHeld
from config.refusals import Conflict, Invalid, NotFound
from failover.integrity import broken_rules
from failover.models import FailoverJob, RecoveryPlan, RecoveryPlanRun, RecoveryPlanStep
from failover.plan_readiness import plan_readiness_of_all
from failover.queries import last_passed_tests
from failover.services.failovers import create_failover
from failover.services.plan_advance import advance_plan_run, advance_plan_runs
from failover.services.plan_runs import (
    cancel_plan_run,
    cleanup_plan_run,
    commit_plan_run,
    confirm_step,
    start_plan_run,
)
from failover.services.plans import Group, Member, Question, change_plan, create_plan
from inventory.models import OperationClaim
from replication.models import TargetVolume
from tests.failover.estates import ready_vm

pytestmark = pytest.mark.django_db
BY, ENGINE = By("operator"), By("engine-1")
ON_THE_WAY = ("snapshotting", "creating_vm", "switching_volume", "powering_on")


def plan_of(*groups: Group) -> RecoveryPlan:
    vm = next(member.context_id for group in groups for member in group.members)
    organization = FailoverJob.objects.filter(vm_context=vm)[0].vm_context.vcenter.organization
    return create_plan(organization, "Shop", groups=groups, by=BY)


def vms(*names: str) -> list[Any]:
    vcenter = VcenterFactory.create()
    return [ready_vm(vcenter=vcenter, name=name) for name in names]


def two_groups(**second: Any) -> tuple[RecoveryPlan, list[Any]]:
    """A database, and the application that waits for it."""
    database, application = made = vms("db", "app")
    groups = Group("Databases", (Member(database.pk),), **second), Group("Apps", (Member(application.pk),), "Databases")
    return plan_of(*groups), made


def take(run: Any) -> tuple[Any, int]:
    taken = engines.take_next(["failover"], engine="engine-1", by=ENGINE)
    assert taken is not None
    return taken.job, taken.fence


def complete(run: Any) -> str:
    """Let an engine do the next job, and the plan go on; the name of its VM."""
    job, fence = take(run)
    for status in ON_THE_WAY:
        engines.advance(job.job_id, fence, status, by=ENGINE)
    engines.complete(job.job_id, fence, by=ENGINE)
    advance_plan_runs()
    return job.source_vm_name


def fail(run: Any, status: str = "") -> None:
    job, fence = take(run)
    if status:
        engines.advance(job.job_id, fence, status, by=ENGINE)
    engines.fail(job.job_id, fence, code="no_room", message="The storage is full.", by=ENGINE)
    advance_plan_runs()


def steps(run: Any) -> list[str]:
    return list(RecoveryPlanStep.objects.filter(run=run).order_by("seq").values_list("status", flat=True))


def status(run: Any) -> str:
    return str(RecoveryPlanRun.objects.get(pk=run.pk).status)


def held() -> int:
    return OperationClaim.objects.exclude(holder_id=None).count()


def test_no_engine_gets_a_job_before_the_turn_of_its_group():
    plan, _ = two_groups()
    run = start_plan_run(plan, "test", by=BY)
    assert (steps(run), held()) == (["running", "pending"], 2)
    job, fence = take(run)
    assert job.source_vm_name == "db"
    assert engines.take_next(["failover"], engine="engine-2", by=ENGINE) is None
    assert advance_plan_run(run.pk) is False
    for to in ON_THE_WAY:
        engines.advance(job.job_id, fence, to, by=ENGINE)
    engines.complete(job.job_id, fence, by=ENGINE)
    assert advance_plan_run(run.pk) is True
    assert complete(run) == "app"
    assert (status(run), steps(run)) == ("completed", ["completed"] * 2)
    assert list(broken_rules()) == []


def test_an_empty_group_is_looked_through():
    database, application = vms("db", "app")
    run = start_plan_run(
        plan_of(
            Group("Databases", (Member(database.pk),)),
            Group("Nothing yet", depends_on="Databases"),
            Group("Apps", (Member(application.pk),), "Nothing yet"),
        ),
        "test",
        by=BY,
    )
    assert list(run.steps.values_list("group_seq", "waits_for")) == [(1, None), (3, 1)]


def test_a_pause_lasts_until_its_time_is_over():
    plan, _ = two_groups(pause_seconds=3600)
    run = start_plan_run(plan, "test", by=BY)
    complete(run)
    assert (status(run), steps(run)) == ("running", ["completed", "running", "pending"])
    over(run)
    assert advance_plan_run(run.pk)
    assert steps(run) == ["completed", "completed", "running"]


def over(run: Any) -> None:
    """Its time is over."""
    RecoveryPlanStep.objects.filter(run=run, status="running").update(deadline=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize(("default", "ends"), [("continue", "completed"), ("stop", "failed")])
def test_the_default_holds_where_nobody_answers_and_the_step_says_so(default, ends):
    plan, _ = two_groups(question=Question("Is it up?", 60, default))
    run = start_plan_run(plan, "test", by=BY)
    complete(run)
    assert status(run) == "waiting"
    over(run)
    with pytest.raises(Conflict, match="the default holds"):
        confirm_step(run.pk, 2, "continue", by=BY, user=UserFactory.create())
    advance_plan_runs()
    step = RecoveryPlanStep.objects.get(run=run, seq=2)
    assert (step.status, step.confirmed_by) == (ends, None)
    assert step.message.startswith("Nobody answered until ")
    if default == "stop":
        run.refresh_from_db()
        assert (run.status, run.ending, steps(run)[2]) == ("failed", "failed", "skipped")
        assert "Nobody answered" in run.reason
        assert find_job(RecoveryPlanStep.objects.get(run=run, seq=3).failover_job.job_id).status == "cancelled"


def test_who_answers_stop_ends_the_run_and_is_kept():
    plan, _ = two_groups(question=Question("Is it up?", 60, "continue"))
    run, user = start_plan_run(plan, "test", by=BY), UserFactory.create()
    with pytest.raises(Conflict, match="waits for no answer"):
        confirm_step(run.pk, 2, "stop", by=BY, user=user)
    complete(run)
    confirm_step(run.pk, 2, "stop", by=BY, user=user, message="It does not start.")
    run.refresh_from_db()
    assert (run.status, run.steps.get(seq=2).confirmed_by) == ("failed", user)
    assert "operator: stop. It does not start." in run.reason
    with pytest.raises(Conflict, match="waits for no answer"):
        confirm_step(run.pk, 2, "continue", by=BY, user=user)


def test_a_critical_vm_that_fails_stops_the_run_once_what_has_begun_is_over():
    first, second, third, last = vms("a", "b", "c", "d")
    group = Group("First", tuple(Member(vm.pk) for vm in (first, second, third)))
    run = start_plan_run(plan_of(group, Group("Last", (Member(last.pk),), "First")), "live", by=BY)
    job, fence = take(run)
    engines.advance(job.job_id, fence, "snapshotting", by=ENGINE)
    fail(run)
    run.refresh_from_db()
    assert (run.status, run.ending, steps(run)) == ("running", "failed", ["running", "failed", "skipped", "skipped"])
    assert run.reason == "Step 2, Fail over b, failed. The storage is full."
    assert held() == 1
    for to in ON_THE_WAY[1:]:
        engines.advance(job.job_id, fence, to, by=ENGINE)
    engines.complete(job.job_id, fence, by=ENGINE)
    advance_plan_runs()
    assert (status(run), steps(run)[0]) == ("failed", "completed")
    commit_plan_run(run.pk, by=BY, reason="What came up serves.")
    assert held() == 0
    assert list(broken_rules()) == []


def test_a_vm_that_is_not_critical_fails_and_the_run_goes_on():
    database, extra, application = vms("db", "extra", "app")
    plan = plan_of(
        Group("Databases", (Member(database.pk), Member(extra.pk, is_critical=False))),
        Group("Apps", (Member(application.pk),), "Databases"),
    )
    run = start_plan_run(plan, "test", by=BY)
    complete(run)
    fail(run)
    complete(run)
    assert (status(run), steps(run)) == ("completed", ["completed", "failed", "completed"])
    assert last_passed_tests().get()["last_passed_run"] is None
    cleanup_plan_run(run.pk, by=BY)
    while taken := engines.take_next(["failover"], engine="engine-1", by=ENGINE):
        engines.complete(taken.job.job_id, taken.fence, by=ENGINE)
    assert last_passed_tests().get()["last_passed_run"] == run.pk


def test_a_job_that_a_person_cancels_counts_as_failed():
    plan, _ = two_groups()
    run = start_plan_run(plan, "test", by=BY)
    waiting = run.steps.get(seq=2).failover_job
    people.cancel(waiting.job_id, by=BY, reason="Not this one.")
    advance_plan_runs()
    assert (status(run), steps(run)) == ("failed", ["skipped", "failed"])
    assert held() == 0


def test_a_run_that_is_cancelled_gives_back_what_it_holds():
    plan, _ = two_groups()
    run = start_plan_run(plan, "test", by=BY)
    with pytest.raises(Invalid, match="Say why"):
        cancel_plan_run(run.pk, by=BY, reason=" ")
    cancel_plan_run(run.pk, by=BY, reason="The site is back.")
    run.refresh_from_db()
    assert (run.status, run.reason, steps(run), held()) == ("cancelled", "The site is back.", ["skipped"] * 2, 0)
    with pytest.raises(Conflict, match="has ended as cancelled"):
        cancel_plan_run(run.pk, by=BY, reason="Again.")
    assert start_plan_run(plan, "test", by=BY).pk != run.pk


def test_a_critical_vm_that_is_held_refuses_the_run_with_its_holder_and_leaves_nothing():
    plan, made = two_groups()
    job = create_failover(made[1], "test", by=BY)
    before = FailoverJob.objects.count()
    with pytest.raises(ClaimHeld, match=job.job_id) as refused:
        start_plan_run(plan, "test", by=BY, override_reason="Now.")
    assert [(each["context_id"], each["holder_id"]) for each in refused.value.details] == [(made[1].pk, job.job_id)]
    assert (held(), FailoverJob.objects.count(), RecoveryPlanRun.objects.count()) == (1, before, 0)


def test_blockers_of_a_critical_vm_refuse_unless_overridden_and_of_another_leave_it_out():
    database, extra = vms("db", "extra")
    TargetVolume.objects.filter(vm_disk__disk_id="disk-2001").update(status="error")
    both = plan_of(Group("All", (Member(database.pk), Member(extra.pk, is_critical=False))))
    with pytest.raises(Invalid, match="1 critical VMs of Shop are not ready") as refused:
        start_plan_run(both, "test", by=BY)
    assert {each["context_id"] for each in refused.value.details} == {database.pk}
    TargetVolume.objects.filter(vm_disk__vm_context=database).update(status="attached")
    run = start_plan_run(both, "test", by=BY)
    assert steps(run) == ["running", "skipped"]
    assert run.steps.get(seq=2).message.startswith("Left out, as it was not ready: The target volume ")
    cancel_plan_run(run.pk, by=BY, reason="Once more.")
    run = start_plan_run(both, "test", by=BY, override_reason="The second disk is scratch.")
    reasons = [step.failover_job.override_reason for step in run.steps.order_by("seq")]
    assert reasons == [None, "The second disk is scratch."]


def test_a_test_is_not_active_while_a_vm_of_it_is_in_another_run():
    plan, made = two_groups()
    extra = create_plan(plan.organization, "Other", groups=[Group("One", (Member(made[1].pk, False),))], by=BY)
    run = start_plan_run(plan, "live", by=BY)
    with pytest.raises(Conflict, match=f"is in run {run.pk} of Shop") as refused:
        start_plan_run(extra, "test", by=BY)
    assert refused.value.code == "vm_in_other_run"
    with pytest.raises(Conflict) as refused:
        start_plan_run(extra, "live", by=BY)
    assert refused.value.code == "no_vms"


def test_what_a_run_does_is_not_changed_by_a_change_of_its_plan():
    plan, _ = two_groups()
    run = start_plan_run(plan, "test", by=BY)
    with pytest.raises(Conflict, match="is running"):
        change_plan(plan, by=BY, groups=[])
    RecoveryPlan.objects.get(pk=plan.pk).groups.all().delete()
    complete(run)
    assert complete(run) == "app"
    assert status(run) == "completed"


def test_readiness_of_a_plan_takes_as_many_queries_for_many_vms_as_for_one():
    few, many = vms("a"), vms("b", "c", "d")
    plans = [
        create_plan(
            made[0].vcenter.organization, "Plan", groups=[Group("All", tuple(Member(vm.pk) for vm in made))], by=BY
        )
        for made in (few, many)
    ]
    counts = []
    for scope in (plans[:1], plans):
        with CaptureQueriesContext(connection) as made:
            found = plan_readiness_of_all(scope)
        counts.append(len(made))
        assert [each.is_ready("test") for each in found] == [True] * len(scope)
    assert counts[0] == counts[1] <= 13


def test_a_start_reads_as_often_for_many_vms_as_for_one():
    counts = []
    for names in (["one"], ["a", "b", "c"]):
        plan = plan_of(Group("Together", tuple(Member(vm.pk) for vm in vms(*names))))
        with CaptureQueriesContext(connection) as made:
            start_plan_run(plan, "test", by=BY)
        counts.append(sum(each["sql"].startswith("SELECT") for each in made))
    assert counts[0] == counts[1]


class Killed(BaseException):
    """The process is gone."""


def killed_at(number: int, act: Any) -> bool:
    """Do it in a process that is killed before its statement of this number; whether it was."""
    left = number

    def statement(execute: Any, *args: Any) -> Any:
        nonlocal left
        # Whoever is killed before the end of a transaction never gets to it.
        left -= not args[0].startswith(("SAVEPOINT", "RELEASE"))
        if left == 0:
            raise Killed
        return execute(*args)

    try:
        with connection.execute_wrapper(statement):
            act()
    except Killed:
        return True
    return False


def test_a_start_that_is_killed_at_any_statement_leaves_nothing_behind():
    plan, _ = two_groups()
    number = 1
    before = FailoverJob.objects.count(), JobEvent.objects.count()
    while killed_at(number, lambda: start_plan_run(plan, "test", by=BY)):
        assert (FailoverJob.objects.count(), JobEvent.objects.count()) == before, number
        assert (held(), RecoveryPlanRun.objects.count(), RecoveryPlanStep.objects.count()) == (0, 0, 0), number
        number += 5
    assert (number > 30, held(), list(broken_rules())) == (True, 2, [])


def test_a_run_whose_advance_is_killed_at_any_statement_is_taken_on_by_the_next():
    plan, _ = two_groups(question=Question("Is it up?", 60, "stop"))
    run = start_plan_run(plan, "test", by=BY)
    complete(run)
    over(run)
    number = 1
    while killed_at(number, lambda: advance_plan_run(run.pk)):
        assert (status(run), steps(run), held()) == ("waiting", ["completed", "running", "pending"], 2), number
        number += 1
    assert (number > 8, status(run), steps(run)[2], held()) == (True, "failed", "skipped", 1)
    assert JobEvent.objects.filter(job_id=run.public_id, to_status="failed").count() == 1


def at_once(act: Any, times: int = 8) -> list[Any]:
    """The answers, or the refusals, of so many who do it at the same moment."""
    ready, answers = threading.Barrier(times), []

    def one() -> None:
        try:
            ready.wait(30)
            answers.append(act())
        except BaseException as error:
            answers.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@pytest.mark.django_db(transaction=True)
def test_of_many_who_start_a_plan_at_once_one_does_and_the_others_are_told():
    plan, _ = two_groups()
    before = FailoverJob.objects.count()
    answers = at_once(lambda: start_plan_run(plan, "test", by=BY))
    runs = [each for each in answers if isinstance(each, RecoveryPlanRun)]
    assert (len(answers), len(runs)) == (8, 1), answers
    assert {getattr(each, "code", each) for each in answers if each not in runs} == {"run_active"}
    assert (FailoverJob.objects.count() - before, held()) == (2, 2)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_take_a_run_on_at_once_one_does():
    plan, _ = two_groups()
    run = start_plan_run(plan, "test", by=BY)
    for expected in (["completed", "running"], ["completed", "completed"]):
        job, fence = take(run)
        for to in ON_THE_WAY:
            engines.advance(job.job_id, fence, to, by=ENGINE)
        # Neither its engine nor a worker has taken the run on yet.
        FailoverJob.objects.filter(pk=job.pk).update(
            status="completed", aftermath="due", aftermath_since=timezone.now(), completed_at=timezone.now()
        )
        answers = at_once(lambda: advance_plan_run(run.pk))
        assert sorted(answers) == [False] * 7 + [True], answers
        assert steps(run) == expected
    events = list(JobEvent.objects.filter(job_id=run.public_id).order_by("id").values_list("to_status", flat=True))
    assert events == ["pending", "running", "completed"]


def test_an_unknown_run_is_not_found():
    with pytest.raises(NotFound):
        advance_plan_run(4711)


def test_a_run_that_cannot_go_on_is_logged_and_holds_up_no_other(caplog, monkeypatch):
    (first, _), (second, _) = two_groups(), two_groups()
    broken, run = (start_plan_run(plan, "test", by=BY) for plan in (first, second))

    def advance(run_id: int) -> bool:
        if run_id == broken.pk:
            raise LookupError("nobody has thought of this")
        return advance_plan_run(run_id)

    monkeypatch.setattr("failover.services.plan_advance.advance_plan_run", advance)
    for each in (broken, run):
        job, fence = take(each)
        for to in ON_THE_WAY:
            engines.advance(job.job_id, fence, to, by=ENGINE)
        engines.complete(job.job_id, fence, by=ENGINE)
    assert advance_plan_runs()
    assert (steps(broken), steps(run)) == (["running", "pending"], ["completed", "running"])
    assert f"plan run {broken.pk} cannot go on" in caplog.text and "nobody has thought of this" in caplog.text
    with pytest.raises(LookupError):
        advance_plan_runs()
