"""Recovery plans and their runs over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import Field

from config.api.callers import Scope, caller_of, needs
from config.api.numbers import MOST
from config.api.paging import Page, Pages, Paging, newest_first
from config.api.records import OMITTED, Name, Said, Seen, Words, record_of, seen_version, tagged
from config.jobs.api import ReasonIn, by, once
from config.refusals import NotFound
from failover.api import CleanupIn, FindingOut, overriding
from failover.models import RecoveryPlan, RecoveryPlanGroup, RecoveryPlanMember, RecoveryPlanRun, RecoveryPlanStep
from failover.plan_estimate import Estimate, PlannedStep, estimate
from failover.plan_outcome import active_run, aftermath_of, failed_without_stopping, has_passed, keeps_rto, time_taken
from failover.plan_readiness import MemberReadiness, PlanReadiness, plan_readiness
from failover.queries import last_passed_tests
from failover.services.plan_runs import (
    cancel_plan_run,
    cleanup_plan_run,
    commit_plan_run,
    confirm_step,
    rollback_plan_run,
    start_plan_run,
)
from failover.services.plans import MOST_SECONDS, Group, Member, Question, change_plan, create_plan, delete_plan

router = Router(tags=["recovery plans"])
Kind = Literal["test", "live"]
Answer = Literal["continue", "stop"]


class MemberIn(Schema):
    """A VM. One that is not `critical` may fail, or not be ready, and the run goes on without it."""

    context_id: str = Field(min_length=1, max_length=191)
    critical: bool = True


class QuestionIn(Schema):
    """What a person confirms once the group is up. `default_answer` holds when nobody answers in time."""

    text: str = Field(min_length=1, max_length=255)
    answer_seconds: int = Field(ge=1, le=MOST_SECONDS, strict=True)
    default_answer: Answer


class GroupIn(Schema):
    """VMs that come up together, after the group of the name in `depends_on`; null: at once."""

    name: str = Field(min_length=1, max_length=128)
    depends_on: str | None = Field(None, max_length=128)
    pause_seconds: int = Field(0, ge=0, le=MOST_SECONDS, strict=True)
    question: QuestionIn | None = None
    members: list[MemberIn] = Field(default_factory=list, max_length=1000)


class PlanSaid(Said):
    """`groups` are all of them."""

    name: Name = OMITTED
    description: Annotated[Words, Field(pattern=r"\S")] | None = OMITTED
    rto_seconds: Annotated[int, Field(ge=1, le=MOST_SECONDS, strict=True)] | None = OMITTED
    groups: Annotated[list[GroupIn], Field(max_length=200)] = OMITTED

    def wanted(self) -> dict[str, Any]:
        """What was said, as the services of plans take it."""
        said = self.columns("groups")
        return {**said, "groups": _wanted(self.groups)} if "groups" in self.model_fields_set else said


class PlanIn(PlanSaid):
    name: Name


class PlanChange(PlanSaid, Seen):
    """What is left out stays."""


class MemberOut(Schema):
    context_id: str
    vm_name: str
    critical: bool


class GroupOut(Schema):
    seq: int
    name: str
    depends_on: str | None
    pause_seconds: int
    question: QuestionIn | None
    members: list[MemberOut]


class PassedOut(Schema):
    run: int
    at: datetime


class PlanOut(Schema):
    """`active_run`: the run that is not over; `last_passed_test`: null where no test of it has ever passed."""

    id: int
    name: str
    description: str | None
    rto_seconds: int | None
    groups: list[GroupOut]
    active_run: int | None
    last_passed_test: PassedOut | None
    created_at: datetime
    updated_at: datetime
    version: int


class MemberReadinessOut(Schema):
    """`effect` on the plan: none, risk (it would run without this VM) or blocks."""

    context_id: str
    vm_name: str
    group: str
    critical: bool
    verdict: str
    effect: str
    findings: list[FindingOut]


class PlanReadinessOut(Schema):
    """`verdict`: ready, not_ready or unknown; never ready while of a critical VM anything is unknown."""

    plan_id: int
    kind: str
    verdict: str
    reason: str
    members: list[MemberReadinessOut]


class PlanRunIn(Schema):
    """With `dry_run` nothing is done: the answer is what would be."""

    kind: Kind
    dry_run: bool = False
    override_reason: Words | None = None


class PlannedStepOut(Schema):
    """Seconds are null where nobody knows them; `samples`: of how many past runs they are the median."""

    seq: int
    group: str
    kind: str
    title: str
    critical: bool
    context_id: str | None
    verdict: str | None
    would_be_skipped: bool
    starts_after_seconds: float | None
    seconds: float | None
    samples: int


class DryRunOut(Schema):
    """`seconds` in all, groups at the same time where none waits for the other; with `at_least` it takes longer, by
    what is not known; null: nothing is known.
    """

    plan_id: int
    kind: str
    would_start: bool
    reason: str
    seconds: float | None
    at_least: bool
    rto_seconds: int | None
    steps: list[PlannedStepOut]


class StepOut(Schema):
    """`job`: its failover job, and `evidence` where that one's evidence is found once it is over."""

    seq: int
    group: int
    waits_for: int | None
    kind: str
    title: str
    critical: bool
    status: str
    context_id: str | None
    job: str | None
    job_status: str | None
    aftermath: str | None
    evidence: str | None
    deadline: datetime | None
    default_answer: str | None
    confirmed_by: str | None
    started_at: datetime | None
    completed_at: datetime | None
    message: str | None


class PlanRunOut(Schema):
    """`ending`: as what a run that was stopped ends with its last job. `aftermath`: of all its jobs as one. `passed`:
    of a test, once it is over and cleaned up. `left_out`: VMs that are not critical and were not failed over.
    """

    id: int
    plan_id: int
    plan: str
    kind: str
    status: str
    ending: str | None
    reason: str | None
    aftermath: str
    passed: bool | None
    left_out: int
    seconds: float | None
    rto_seconds: int | None
    rto_kept: bool | None
    started_by: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    version: int
    steps: list[StepOut]


class ConfirmIn(Schema):
    answer: Answer = "continue"
    message: Words | None = None


CALLED = "recovery plan"


def _plans(request: HttpRequest) -> Any:
    return RecoveryPlan.objects.filter(organization=caller_of(request).organization)


def _plan_of(request: HttpRequest, plan: int) -> RecoveryPlan:
    found: RecoveryPlan = record_of(_plans(request), plan, CALLED)
    return found


def _told(plans: Any) -> Any:
    """Plans with all that an answer shows of them."""
    members = RecoveryPlanMember.objects.select_related("vm_context").order_by("pk")
    groups = RecoveryPlanGroup.objects.select_related("depends_on").order_by("seq")
    active = RecoveryPlanRun.objects.filter(is_active=True)
    return plans.prefetch_related(
        Prefetch("groups", groups.prefetch_related(Prefetch("members", members))),
        Prefetch("runs", active, to_attr="active_runs"),
    )


def _shown_plan(request: HttpRequest, plan: int) -> dict[str, Any]:
    """The plan of this id as JSON, as it is now. Raises NotFound."""
    return _shown_plans([record_of(_told(_plans(request)), plan, CALLED)])[0]


def _run_id(run: int) -> int:
    if not 0 < run <= MOST:
        raise NotFound(f"There is no plan run {run}.")
    return run


def _runs(request: HttpRequest) -> Any:
    steps = RecoveryPlanStep.objects.select_related("failover_job", "confirmed_by").order_by("seq")
    return (
        RecoveryPlanRun.objects.filter(plan__organization=caller_of(request).organization)
        .select_related("plan")
        .prefetch_related(Prefetch("steps", steps))
    )


def _shown_plans(plans: list[RecoveryPlan]) -> list[dict[str, Any]]:
    """The plans as JSON, with one query for the tests of all of them."""
    passed = {
        row["pk"]: row for row in last_passed_tests(RecoveryPlan.objects.filter(pk__in=[plan.pk for plan in plans]))
    }
    return [_plan(plan, passed[plan.pk]) for plan in plans if plan.pk in passed]


def _plan(plan: Any, passed: dict[str, Any]) -> dict[str, Any]:
    run, at = passed["last_passed_run"], passed["last_passed_at"]
    body = {
        "id": plan.pk,
        "name": plan.name,
        "description": plan.description,
        "rto_seconds": plan.rto_seconds,
        "groups": [_group(group) for group in plan.groups.all()],
        "active_run": next((each.pk for each in plan.active_runs), None),
        "last_passed_test": None if run is None else {"run": run, "at": at},
        "created_at": plan.created_at,
        "updated_at": plan.updated_at,
        "version": plan.version,
    }
    return PlanOut.model_validate(body).model_dump(mode="json")


def _group(group: RecoveryPlanGroup) -> dict[str, Any]:
    asked = {
        "text": group.question,
        "answer_seconds": group.answer_seconds,
        "default_answer": group.default_answer,
    }
    return {
        "seq": group.seq,
        "name": group.name,
        "depends_on": group.depends_on.name if group.depends_on else None,
        "pause_seconds": group.pause_seconds,
        "question": asked if group.question else None,
        "members": [
            {"context_id": each.vm_context_id, "vm_name": each.vm_context.name, "critical": each.is_critical}
            for each in group.members.all()
        ],
    }


def _wanted(groups: list[GroupIn]) -> list[Group]:
    return [
        Group(
            name=group.name,
            members=tuple(Member(each.context_id, each.critical) for each in group.members),
            depends_on=group.depends_on,
            pause_seconds=group.pause_seconds,
            question=Question(**group.question.model_dump()) if group.question else None,
        )
        for group in groups
    ]


@router.get("/recovery-plans", response=Page[PlanOut])
@needs(Scope.READ)
def list_plans(request: HttpRequest, paging: Paging = Pages) -> Any:
    """The recovery plans, the newest first."""
    page = newest_first([(_told(_plans(request)), "pk")], paging, lambda plan: plan)
    return {**page, "items": _shown_plans(page["items"])}


@router.post("/recovery-plans", response={201: PlanOut})
@needs(Scope.OPERATE)
def make_plan(request: HttpRequest, body: PlanIn) -> Any:
    """Make a plan of groups that come up one after the other, or at the same time where none waits for the other."""

    def act() -> tuple[int, Any]:
        organization = caller_of(request).organization
        plan = create_plan(organization, by=by(request), **body.wanted())
        return 201, _shown_plan(request, plan.pk)

    return once(request, act)


@router.get("/recovery-plans/{plan}", response=PlanOut)
@needs(Scope.READ)
def one_plan(request: HttpRequest, response: HttpResponse, plan: int) -> Any:
    """One plan; its ETag is what a change names in If-Match."""
    return tagged(response, _shown_plan(request, plan))


@router.patch("/recovery-plans/{plan}", response=PlanOut)
@needs(Scope.OPERATE)
def patch_plan(request: HttpRequest, response: HttpResponse, plan: int, body: PlanChange) -> Any:
    """Change a plan that does not run now, and leave the rest."""
    change_plan(_plan_of(request, plan), by=by(request), version=seen_version(request, body), **body.wanted())
    return tagged(response, _shown_plan(request, plan))


@router.delete("/recovery-plans/{plan}", response={204: None})
@needs(Scope.OPERATE)
def remove_plan(request: HttpRequest, plan: int) -> Any:
    """Delete a plan that has never run."""
    delete_plan(_plan_of(request, plan), by=by(request))
    return Status(204, None)


def _member(each: MemberReadiness, kind: str) -> dict[str, Any]:
    effect = "blocks" if each.blocks(kind) else "risk" if each.is_risk(kind) else "none"
    return {
        "context_id": each.member.vm_context_id,
        "vm_name": each.readiness.name,
        "group": each.member.group.name,
        "critical": each.member.is_critical,
        "verdict": each.readiness.verdict(kind).value,
        "effect": effect,
        "findings": [finding.as_json() for finding in each.readiness.of(kind)],
    }


@router.get("/recovery-plans/{plan}/readiness", response=PlanReadinessOut)
@needs(Scope.READ)
def readiness_of_plan(request: HttpRequest, plan: int, kind: Kind = "test") -> Any:
    """Whether a plan could be run now, and if not which of its VMs is in the way and why."""
    found = plan_readiness(_plan_of(request, plan))
    return {
        "plan_id": plan,
        "kind": kind,
        "verdict": found.verdict(kind).value,
        "reason": found.reason(kind),
        "members": [_member(each, kind) for each in found.members],
    }


def _planned(step: PlannedStep, kind: str) -> dict[str, Any]:
    member = step.member
    return {
        "seq": step.seq,
        "group": step.group.name,
        "kind": step.kind,
        "title": step.title,
        "critical": step.is_critical,
        "context_id": member and member.member.vm_context_id,
        "verdict": member and member.readiness.verdict(kind).value,
        "would_be_skipped": step.would_be_skipped,
        "starts_after_seconds": step.starts_after,
        "seconds": step.seconds,
        "samples": step.samples,
    }


def _dry_run(plan: Any, found: PlanReadiness, told: Estimate, kind: str) -> dict[str, Any]:
    reason = found.reason(kind)
    if run := active_run(plan):
        reason = f"Run {run.pk} of the plan is not over: wait for its end, or cancel it."
    body = {
        "plan_id": plan.pk,
        "kind": kind,
        "would_start": found.is_ready(kind) and run is None,
        "reason": reason,
        "seconds": told.seconds,
        "at_least": told.is_at_least,
        "rto_seconds": plan.rto_seconds,
        "steps": [_planned(step, kind) for step in told.steps],
    }
    return DryRunOut.model_validate(body).model_dump(mode="json")


@router.post("/recovery-plans/{plan}/runs", response={200: DryRunOut, 201: PlanRunOut})
@needs(Scope.OPERATE)
def run_plan(request: HttpRequest, plan: int, body: PlanRunIn) -> Any:
    """Run a plan, all of its VMs or none; 409 with the holders, 422 with the findings that speak against it."""
    reason = overriding(request, body.override_reason)

    def act() -> tuple[int, Any]:
        row = _plan_of(request, plan)
        if body.dry_run:
            found = plan_readiness(row)
            return 200, _dry_run(row, found, estimate(found, body.kind), body.kind)
        run = start_plan_run(row, body.kind, by=by(request), override_reason=reason)
        return 201, _shown_run(request, run.pk)

    return once(request, act)


@router.get("/recovery-plans/{plan}/runs", response=Page[PlanRunOut])
@needs(Scope.READ)
def list_runs(request: HttpRequest, plan: int, paging: Paging = Pages, kind: Kind | None = None) -> Any:
    """The runs of a plan, the newest first."""
    rows = _runs(request).filter(plan=_plan_of(request, plan).pk)
    return newest_first([(rows.filter(kind=kind) if kind else rows, "pk")], paging, _run)


def _run(run: RecoveryPlanRun) -> dict[str, Any]:
    steps = list(run.steps.all())
    taken = time_taken(run)
    body = {
        "plan_id": run.plan_id,
        "plan": run.plan.name,
        "aftermath": aftermath_of(step.failover_job for step in steps if step.failover_job),
        "passed": has_passed(run),
        "left_out": failed_without_stopping(run),
        "seconds": None if taken is None else taken.total_seconds(),
        "rto_seconds": run.plan.rto_seconds,
        "rto_kept": keeps_rto(run),
        "steps": [_step(step) for step in steps],
        **{name: getattr(run, name) for name in ("id", "kind", "status", "ending", "reason", "started_by", "version")},
        **{name: getattr(run, name) for name in ("created_at", "started_at", "completed_at")},
    }
    return PlanRunOut.model_validate(body).model_dump(mode="json")


def _step(step: RecoveryPlanStep) -> dict[str, Any]:
    job = step.failover_job
    is_over = job is not None and not job.is_active
    names = ("seq", "waits_for", "kind", "title", "status", "deadline", "default_answer")
    return {
        **{name: getattr(step, name) for name in (*names, "started_at", "completed_at", "message")},
        "group": step.group_seq,
        "critical": step.is_critical,
        "context_id": job and job.vm_context_id,
        "job": job and job.job_id,
        "job_status": job and job.shown_status,
        "aftermath": job and job.aftermath,
        "evidence": f"/api/v1/evidence/{job.job_id}" if job and is_over else None,
        "confirmed_by": step.confirmed_by.username if step.confirmed_by else None,
    }


def _shown_run(request: HttpRequest, run: int) -> dict[str, Any]:
    row = _runs(request).filter(pk=_run_id(run)).first()
    if row is None:
        raise NotFound(f"There is no plan run {run}.")
    return _run(row)


@router.get("/plan-runs/{run}", response=PlanRunOut)
@needs(Scope.READ)
def one_run(request: HttpRequest, run: int) -> Any:
    """One run with its steps."""
    return _shown_run(request, run)


def _decided(request: HttpRequest, decide: Any, run: int, **said: Any) -> Any:
    decide(_run_id(run), by=by(request), organization=caller_of(request).organization, **said)
    return _shown_run(request, run)


@router.post("/plan-runs/{run}/steps/{seq}/confirm", response=PlanRunOut)
@needs(Scope.OPERATE)
def confirm(request: HttpRequest, run: int, seq: int, body: ConfirmIn) -> Any:
    """Answer the question of a step before its deadline."""
    if not 0 < seq <= 2**31 - 1:
        raise NotFound(f"Plan run {run} has no step {seq}.")
    user = caller_of(request).user
    return _decided(request, confirm_step, run, seq=seq, answer=body.answer, message=body.message, user=user)


@router.post("/plan-runs/{run}/cancel", response=PlanRunOut)
@needs(Scope.OPERATE)
def cancel_run(request: HttpRequest, run: int, body: ReasonIn) -> Any:
    """Let nothing more of a run begin; what engines are at comes to its own end."""
    return _decided(request, cancel_plan_run, run, reason=body.reason)


@router.post("/plan-runs/{run}/cleanup", response=PlanRunOut)
@needs(Scope.OPERATE)
def clean_up_run(request: HttpRequest, run: int, body: CleanupIn) -> Any:
    """Have what a test run made cleaned up, of all its VMs."""
    return _decided(request, cleanup_plan_run, run, reason=body.reason)


@router.post("/plan-runs/{run}/rollback", response=PlanRunOut)
@needs(Scope.OPERATE)
def roll_back_run(request: HttpRequest, run: int, body: ReasonIn) -> Any:
    """Have a live run reverted, of all VMs that nobody has accepted."""
    return _decided(request, rollback_plan_run, run, reason=body.reason)


@router.post("/plan-runs/{run}/commit", response=PlanRunOut)
@needs(Scope.OPERATE)
def commit_run(request: HttpRequest, run: int, body: ReasonIn) -> Any:
    """Accept a live run: the VMs that completed run at the target from now on."""
    return _decided(request, commit_plan_run, run, reason=body.reason)
