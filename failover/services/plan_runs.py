"""Runs of a recovery plan: what a person decides about many failovers as one."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Prefetch
from django.utils import timezone

from config.jobs.moves import By, given
from config.jobs.refusals import ClaimHeld
from config.refusals import Conflict, Invalid, NotFound
from config.transactions import whole
from failover.facts import read_facts
from failover.findings import JOB_ACTIVE, JOB_LOST
from failover.frozen import to_freeze
from failover.models import (
    Aftermath,
    DefaultAnswer,
    Ending,
    FailoverJob,
    FailoverStatus,
    PlanStepKind,
    Purpose,
    RecoveryPlan,
    RecoveryPlanGroup,
    RecoveryPlanMember,
    RecoveryPlanRun,
    RecoveryPlanStep,
    StepStatus,
)
from failover.plan_estimate import failover_title, pause_title
from failover.plan_order import in_order, waits_for
from failover.plan_outcome import jobs_due
from failover.readiness import Readiness, assess
from failover.services.failovers import check_asked, decide, make_failover, refusing_of
from failover.services.plan_advance import end_early, go_on, lock_run, note_run, write_step
from failover.services.plans import lock_plan, refuse_active_run
from inventory.models import OperationClaim, VMContext


@whole
def start_plan_run(
    plan: RecoveryPlan, kind: str, *, by: By, override_reason: str | None = None, reason: str | None = None
) -> RecoveryPlanRun:
    """Run a plan, for a test or for real: a failover job for each of its VMs, all of them or none; `reason`: why.

    Each job holds the claim of its VM from now on, and is given to an engine when its group's turn comes. A VM that is
    not critical and not ready is left out, which its step says. With a reason, a person overrides what may be
    overridden. Raises ClaimHeld with all holders, Invalid "not_ready" with the findings, NotFound, and Conflict
    "run_active", "vm_in_other_run", "circle", "no_vms".
    """
    check_asked(kind, override_reason)
    plan = lock_plan(plan.pk)
    refuse_active_run(plan)
    vms = list(plan.members.values_list("vm_context_id", flat=True))
    # From here on nobody else can take a claim, and so no engine can change what readiness looks at.
    list(OperationClaim.objects.select_for_update().filter(pk__in=vms).order_by("pk").values_list("fence"))
    whom = Prefetch("vm_context", to_freeze(VMContext.objects.all()))
    members = {member.vm_context_id: member for member in plan.members.prefetch_related(whom)}
    _refuse_shared_vms(plan, kind, members)
    now = timezone.now()
    facts = {each.vm.pk: each for each in read_facts(VMContext.objects.filter(pk__in=members), now)}
    readiness = {vm: assess(each, now) for vm, each in facts.items()}
    skipped = _skipped(plan, kind, members, readiness, override_reason)
    run = RecoveryPlanRun.objects.create(plan=plan, kind=kind, started_by=by.actor)
    note_run(run, None, by=by, reason=override_reason or reason)

    def make(member: RecoveryPlanMember) -> FailoverJob:
        vm = member.vm_context_id
        return make_failover(
            member.vm_context,
            facts[vm],
            readiness[vm],
            kind,
            by=by,
            override_reason=override_reason,
            reason=reason,
            now=now,
        )

    jobs = {vm: make(members[vm]) for vm in sorted(members) if vm not in skipped}
    RecoveryPlanStep.objects.bulk_create(_steps(run, in_order(plan.groups.all()), members, jobs, skipped, now))
    run = lock_run(run.pk)
    go_on(run, by)
    return run


def _refuse_shared_vms(plan: RecoveryPlan, kind: str, members: dict[str, RecoveryPlanMember]) -> None:
    """A test and another run do not share a VM while both are active, whatever each of them does with it."""
    runs = RecoveryPlanRun.objects.filter(is_active=True, plan__members__vm_context__in=members).exclude(plan=plan)
    if kind == Purpose.LIVE:
        runs = runs.filter(kind=Purpose.TEST)
    shared = [
        {"context_id": vm, "plan": name, "run": run}
        for vm, name, run in runs.values_list("plan__members__vm_context_id", "plan__name", "pk")
    ]
    if shared:
        raise Conflict(
            f"VM context {shared[0]['context_id']} is in run {shared[0]['run']} of {shared[0]['plan']}:"
            " wait for its end, or cancel it.",
            code="vm_in_other_run",
            details=shared,
        )


def _skipped(
    plan: RecoveryPlan,
    kind: str,
    members: dict[str, RecoveryPlanMember],
    readiness: dict[str, Readiness],
    override_reason: str | None,
) -> dict[str, str]:
    """The VMs that the run leaves out, each with the reason. Raises ClaimHeld and Invalid for those it cannot."""
    skipped: dict[str, str] = {}
    held, refusing = [], []
    for vm, member in members.items():
        jobs = [each for each in readiness[vm].of(kind) if each.code in (JOB_ACTIVE, JOB_LOST)]
        blockers = refusing_of(readiness[vm], kind, override_reason)
        if jobs and member.is_critical:
            held += [(readiness[vm].name, vm, each) for each in jobs]
        elif blockers and member.is_critical:
            refusing += [(readiness[vm].name, vm, each) for each in blockers]
        elif jobs or blockers:
            skipped[vm] = f"Left out, as it was not ready: {(jobs + blockers)[0].sentence}"
    if held:
        name, _, first = held[0]
        raise ClaimHeld(
            f"{first.sentence} The VM is {name}, and {len(held)} critical VMs of {plan.name} are held so."
            f" {first.code.remedy}",
            details=[
                {
                    "context_id": vm,
                    "holder_kind": str(each.values["kind"]).lower(),
                    "holder_id": each.subject,
                    "since": each.as_json()["since"],
                }
                for _, vm, each in held
            ],
        )
    if refusing:
        name, _, first = refusing[0]
        count = len({vm for _, vm, _ in refusing})
        raise Invalid(
            f"{count} critical VMs of {plan.name} are not ready for a {kind} failover. The first of them, {name}:"
            f" {first.sentence} {first.code.remedy}",
            code="not_ready",
            details=[{"context_id": vm, **each.as_json()} for _, vm, each in refusing],
        )
    if len(skipped) == len(members):
        why = next(iter(skipped.values()), "It has no VMs: add some.")
        raise Conflict(f"No VM of {plan.name} could be failed over now. {why}", code="no_vms")
    return skipped


def _steps(
    run: RecoveryPlanRun,
    groups: list[RecoveryPlanGroup],
    members: dict[str, RecoveryPlanMember],
    jobs: dict[str, FailoverJob],
    skipped: dict[str, str],
    now: Any,
) -> Iterator[RecoveryPlanStep]:
    """The steps of a run, in order: of each group its failovers, the pause after them, and the question."""
    by_key = {group.pk: group for group in groups}
    of_group = {group.pk: [each for each in members.values() if each.group_id == group.pk] for group in groups}

    def is_empty(group: RecoveryPlanGroup) -> bool:
        return not (of_group[group.pk] or group.pause_seconds or group.question)

    seq = 0
    for group in groups:
        before = waits_for(group, by_key, is_empty)
        place = {"run": run, "group_seq": group.seq, "waits_for": before and before.seq}
        for fields in _of_group(group, of_group[group.pk], jobs, skipped, now):
            seq += 1
            yield RecoveryPlanStep(seq=seq, **place, **fields)


def _of_group(
    group: RecoveryPlanGroup,
    members: list[RecoveryPlanMember],
    jobs: dict[str, FailoverJob],
    skipped: dict[str, str],
    now: Any,
) -> Iterator[dict[str, Any]]:
    for member in sorted(members, key=lambda each: each.pk):
        vm = member.vm_context_id
        title = failover_title(member.vm_context.name)
        left_out = {"status": StepStatus.SKIPPED, "completed_at": now, "message": skipped.get(vm)}
        yield {
            "kind": PlanStepKind.FAILOVER,
            "title": title,
            "is_critical": member.is_critical,
            "failover_job": jobs.get(vm),
            **(left_out if vm in skipped else {}),
        }
    if group.pause_seconds:
        yield {"kind": PlanStepKind.PAUSE, "title": pause_title(group), "deadline_seconds": group.pause_seconds}
    if group.question:
        yield {
            "kind": PlanStepKind.MANUAL,
            "title": group.question,
            "deadline_seconds": group.answer_seconds,
            "default_answer": group.default_answer,
        }


@whole
def confirm_step(
    run_id: int, seq: int, answer: str, *, by: By, user: Any, message: str | None = None, organization: Any = None
) -> RecoveryPlanRun:
    """Answer the question of a step: `continue` lets the run go on, `stop` ends it as failed.

    Raises NotFound, Invalid, and Conflict "not_asked" or "deadline_passed": after it the default answer holds.
    """
    if answer not in DefaultAnswer.values:
        raise Invalid(f"{answer} is no answer; there are {', '.join(DefaultAnswer.values)}.")
    run = lock_run(run_id, organization)
    step = run.steps.filter(seq=seq).first()
    if step is None:
        raise NotFound(f"Plan run {run_id} has no step {seq}.")
    if not run.is_active or step.kind != PlanStepKind.MANUAL or step.status != StepStatus.RUNNING:
        raise Conflict(
            f"Step {seq} of plan run {run_id} is {step.get_status_display().lower()} and waits for no answer.",
            code="not_asked",
        )
    if step.deadline is not None and step.deadline <= run.now:
        raise Conflict(
            f"The time to answer step {seq} ended at {step.deadline:%Y-%m-%d %H:%M:%S} UTC, and the default holds:"
            f" {step.default_answer}.",
            code="deadline_passed",
        )
    goes_on = answer == DefaultAnswer.CONTINUE
    said = f"{by.actor}: {answer}." + (f" {message}" if message else "")
    ended = StepStatus.COMPLETED if goes_on else StepStatus.FAILED
    write_step(step, status=ended.value, completed_at=run.now, confirmed_by=user, message=said)
    if goes_on:
        note_run(run, run.status, by=by, reason=f"Step {seq}, {step.title}: {said}")
    else:
        end_early(run, Ending.FAILED, f"Step {seq}, {step.title}: {said}", by=by)
    go_on(run, by)
    return run


@whole
def cancel_plan_run(run_id: int, *, by: By, reason: str, organization: Any = None) -> RecoveryPlanRun:
    """Let nothing more of a run begin. Jobs that have made nothing are cancelled; the others come to their own end,
    and the run with the last of them. Raises NotFound, Invalid with no reason, Conflict "run_ended" or "ending".
    """
    given(reason, kept_with="the run")
    run = lock_run(run_id, organization)
    if not run.is_active:
        raise Conflict(f"Plan run {run_id} has ended as {run.status}, and stays so.", code="run_ended")
    if run.ending:
        raise Conflict(f"Plan run {run_id} ends already, as {run.ending}, with the last of its jobs.", code="ending")
    end_early(run, Ending.CANCELLED, reason, by=by)
    go_on(run, by)
    return run


@whole
def cleanup_plan_run(run_id: int, *, by: By, reason: str | None = None, organization: Any = None) -> RecoveryPlanRun:
    """Have engines remove what all tests of a run made; again for those where that failed.

    Raises NotFound, Conflict "run_active", "other_kind", or "nothing_due".
    """
    run = _ended_run(run_id, Purpose.TEST, organization)
    for job in _due(run, Aftermath.DUE, Aftermath.CLEANUP_FAILED):
        decide(job, Aftermath.CLEANUP, by=by, reason=reason)
    note_run(run, run.status, by=by, reason=reason or "Its jobs are to be cleaned up.")
    return run


@whole
def rollback_plan_run(run_id: int, *, by: By, reason: str, organization: Any = None) -> RecoveryPlanRun:
    """Have engines undo all failovers of a live run that nobody has accepted; again for those where that failed.

    Raises the same, and Invalid with no reason.
    """
    given(reason, kept_with="the run")
    run = _ended_run(run_id, Purpose.LIVE, organization)
    for job in _due(run, Aftermath.DUE, Aftermath.REVERT_FAILED):
        decide(job, Aftermath.REVERTING, by=by, reason=reason)
    note_run(run, run.status, by=by, reason=reason)
    return run


@whole
def commit_plan_run(run_id: int, *, by: By, reason: str, organization: Any = None) -> RecoveryPlanRun:
    """Accept all failovers of a live run that have completed: their VMs run at the target from now on.

    One that failed is not accepted and stays due, for a rollback. Raises the same.
    """
    given(reason, kept_with="the run")
    run = _ended_run(run_id, Purpose.LIVE, organization)
    for job in _due(run, Aftermath.DUE, status=FailoverStatus.COMPLETED):
        decide(job, Aftermath.COMMITTED, by=by, reason=reason)
    note_run(run, run.status, by=by, reason=reason)
    return run


def _ended_run(run_id: int, kind: Purpose, organization: Any) -> RecoveryPlanRun:
    run: RecoveryPlanRun = lock_run(run_id, organization)
    if run.is_active:
        raise Conflict(f"Plan run {run_id} is {run.status}: wait for its end, or cancel it first.", code="run_active")
    if run.kind != kind:
        raise Conflict(
            f"Plan run {run_id} is a {run.kind} run: a test is cleaned up, a live one is committed or rolled back.",
            code="other_kind",
        )
    return run


def _due(run: RecoveryPlanRun, *aftermath: Aftermath, status: FailoverStatus | None = None) -> list[FailoverJob]:
    """The jobs of a run that wait for that decision, in the order in which their VMs are locked. Raises Conflict."""
    found = list(jobs_due(run, *aftermath, status=status).order_by("vm_context_id"))
    if not found:
        raise Conflict(f"Nothing that plan run {run.pk} made waits for that decision.", code="nothing_due")
    return found
