"""Recovery plans over HTTP: which VMs come up after which."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import Field

from config.api.callers import Scope, caller_of, needs
from config.api.paging import Page, Pages, Paging, newest_first
from config.api.records import OMITTED, Name, Said, Seen, Words, record_of, seen_version, tagged
from config.jobs.api import by, once
from failover.models import RecoveryPlan, RecoveryPlanGroup, RecoveryPlanMember, RecoveryPlanRun
from failover.queries import last_passed_tests
from failover.services.plans import MOST_SECONDS, Group, Member, Question, change_plan, create_plan, delete_plan

router = Router(tags=["recovery plans"])
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


CALLED = "recovery plan"


def _plans(request: HttpRequest) -> Any:
    return RecoveryPlan.objects.filter(organization=caller_of(request).organization)


def plan_of(request: HttpRequest, plan: int) -> RecoveryPlan:
    """The plan of this id of the organisation that the call is for. Raises NotFound."""
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
    change_plan(plan_of(request, plan), by=by(request), version=seen_version(request, body), **body.wanted())
    return tagged(response, _shown_plan(request, plan))


@router.delete("/recovery-plans/{plan}", response={204: None})
@needs(Scope.OPERATE)
def remove_plan(request: HttpRequest, plan: int) -> Any:
    """Delete a plan that has never run."""
    delete_plan(plan_of(request, plan), by=by(request))
    return Status(204, None)
