"""The rules of failover that no constraint holds: which rows break them, whoever wrote those (docs/invariants.md)."""

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q

from failover.findings import Severity
from failover.models import (
    ACTIVE_PLAN_RUN,
    Aftermath,
    FailoverJob,
    FailoverStatus,
    NetworkMapping,
    PlanStepKind,
    Purpose,
    RecoveryPlanGroup,
    RecoveryPlanMember,
    RecoveryPlanRun,
    RecoveryPlanStep,
    StepStatus,
    VolumeSnapshot,
)
from failover.models.jobs import STEP_ENDS
from inventory.integrity import Broken
from inventory.models import Site, VMContext
from replication.models import Isolation


def broken_rules() -> Iterator[Broken]:
    """Every row of this room that breaks a rule that a service holds; a fixed number of queries."""
    for rule in RULES:
        yield from rule()


def _vms_at_target() -> Iterator[Broken]:
    committed = FailoverJob.objects.filter(
        vm_context=OuterRef("pk"), job_type=Purpose.LIVE, aftermath=Aftermath.COMMITTED
    )
    for pk, name in VMContext.objects.filter(~Exists(committed), runs_at=Site.TARGET).values_list("pk", "name"):
        yield Broken(
            "INV-VM-13",
            f"vm:{pk}",
            f"{name} is said to run at the target, and no live failover of it was ever committed.",
            "Find out where it runs; if at its source, set runs_at back to source.",
        )


def _mappings_of_others() -> Iterator[Broken]:
    mine = Q(target_network__target__organization=F("vm_context__vcenter__organization"))
    rows = NetworkMapping.objects.exclude(mine).values_list("pk", "source_network_name", "vm_context_id")
    for pk, network, vm in rows:
        yield Broken(
            "INV-MAP-06",
            f"network_mapping:{pk}",
            f"The mapping of {network} of VM context {vm} leads to a network of another organisation.",
            "Lead it to a network of the VM's own organisation, or delete it.",
        )


def _mappings_that_reach_production() -> Iterator[Broken]:
    test = Q(purpose=Purpose.TEST) & ~Q(target_network__isolation=Isolation.ISOLATED)
    live = Q(purpose=Purpose.LIVE, target_network__isolation=Isolation.ISOLATED)
    rows = NetworkMapping.objects.filter(test | live)
    for pk, purpose, network, isolation in rows.values_list(
        "pk", "purpose", "target_network__name", "target_network__isolation"
    ):
        yield Broken(
            "INV-MAP-07",
            f"network_mapping:{pk}",
            f"A {purpose} mapping leads to {network}, whose isolation is {isolation}.",
            "Lead it to another network, or correct the isolation of this one if it is wrong.",
        )


def _unready_jobs() -> Iterator[Broken]:
    """Jobs whose own evidence says that they should not have been, or that have none."""
    jobs = FailoverJob.objects.filter(override_reason=None).exclude(readiness_findings=[])
    for job_id, findings in jobs.values_list("job_id", "readiness_findings").iterator():
        if findings is None:
            sentence = f"Job {job_id} was created with no word on whether its VM was ready."
        elif codes := sorted({each["code"] for each in findings if each.get("severity") == Severity.BLOCKER}):
            sentence = f"Job {job_id} was created in spite of {', '.join(codes)}, and nobody overrode that."
        else:
            continue
        yield Broken(
            "INV-FAIL-19",
            f"failover_job:{job_id}",
            sentence,
            "Find out who created it and why, and write that down with the job: it counts as no evidence.",
        )


def _jobs_of_others() -> Iterator[Broken]:
    other_target = Q(target__isnull=False) & ~Q(target__organization=F("vm_context__vcenter__organization"))
    other_copy = Q(replication_job__isnull=False) & ~Q(replication_job__vm_context=F("vm_context"))
    for (job_id,) in FailoverJob.objects.filter(other_target | other_copy).values_list("job_id"):
        yield Broken(
            "INV-FAIL-20",
            f"failover_job:{job_id}",
            f"Job {job_id} names a target of another organisation or a replication job of another VM.",
            "Let no engine go on with it: end it, clean up what it made, and fail the VM over anew.",
        )


def _snapshots_of_others() -> Iterator[Broken]:
    # A volume that has been detached since names no disk any more.
    rows = VolumeSnapshot.objects.filter(volume__vm_disk__isnull=False).exclude(
        volume__vm_disk__vm_context=F("job__vm_context")
    )
    for pk, job_id, volume in rows.values_list("pk", "job__job_id", "volume__volume_name"):
        yield Broken(
            "INV-SNAP-10",
            f"volume_snapshot:{pk}",
            f"Job {job_id} has a snapshot of volume {volume}, which holds a disk of another VM.",
            "Find out in the target cloud whose snapshot it is, and do not restore it before.",
        )


def _groups_that_wait_in_vain() -> Iterator[Broken]:
    waits_for = {}
    for pk, depends_on, plan, other_plan in RecoveryPlanGroup.objects.filter(depends_on__isnull=False).values_list(
        "pk", "depends_on_id", "plan_id", "depends_on__plan_id"
    ):
        waits_for[pk] = depends_on
        if plan != other_plan:
            yield Broken(
                "INV-GROUP-08",
                f"recovery_plan_group:{pk}",
                f"Group {pk} of plan {plan} waits for a group of plan {other_plan}.",
                "Let it wait for a group of its own plan, or for none.",
            )
    for pk in waits_for:
        if _comes_back(pk, waits_for):
            yield Broken(
                "INV-GROUP-08",
                f"recovery_plan_group:{pk}",
                f"Group {pk} waits for itself through others.",
                "Let one of the groups of the circle wait for none.",
            )


def _comes_back(group: int, waits_for: dict[int, int]) -> bool:
    passed: set[int] = set()
    following = waits_for.get(group)
    while following is not None and following not in passed:
        if following == group:
            return True
        passed.add(following)
        following = waits_for.get(following)
    return False


def _members_of_others() -> Iterator[Broken]:
    mine = Q(group__plan=F("plan"), vm_context__vcenter__organization=F("plan__organization"))
    for pk, vm, plan in RecoveryPlanMember.objects.exclude(mine).values_list("pk", "vm_context_id", "plan__name"):
        yield Broken(
            "INV-PMEMBER-05",
            f"recovery_plan_member:{pk}",
            f"VM context {vm} is in plan {plan} by a group of another plan, or is of another organisation.",
            "Remove it from the plan, and add it to a group of a plan of its own organisation.",
        )


def _tests_at_once() -> Iterator[Broken]:
    elsewhere = RecoveryPlanMember.objects.filter(
        vm_context__plan_memberships__plan=OuterRef("plan"), plan__runs__is_active=True
    ).exclude(plan=OuterRef("plan"))
    runs = RecoveryPlanRun.objects.filter(Exists(elsewhere), kind=Purpose.TEST, is_active=True)
    for pk, plan in runs.values_list("pk", "plan__name"):
        yield Broken(
            "INV-PRUN-10",
            f"recovery_plan_run:{pk}",
            f"A test run of plan {plan} is active while a VM of it is in another active run.",
            "Cancel one of the two runs.",
        )


def _runs_that_ended_otherwise() -> Iterator[Broken]:
    left = RecoveryPlanStep.objects.filter(run=OuterRef("pk")).exclude(status__in=STEP_ENDS)
    runs = RecoveryPlanRun.objects.exclude(status__in=ACTIVE_PLAN_RUN)
    otherwise = Q(ending__isnull=False) & ~Q(ending=F("status"))
    for pk, plan, status in runs.filter(Exists(left) | otherwise).values_list("pk", "plan__name", "status"):
        yield Broken(
            "INV-PRUN-12",
            f"recovery_plan_run:{pk}",
            f"Run {pk} of plan {plan} is {status}, though steps of it have not ended or it was stopped as another.",
            "See what its jobs did, then write of its steps, and of the run, what became of them.",
        )


def _steps_without_their_job() -> Iterator[Broken]:
    fitting = Q(failover_job__job_type=F("run__kind")) & Q(
        failover_job__vm_context__vcenter__organization=F("run__plan__organization")
    )
    steps = RecoveryPlanStep.objects.filter(kind=PlanStepKind.FAILOVER)
    without = Q(failover_job=None) & ~Q(status=StepStatus.SKIPPED)
    for pk, run in steps.filter(without | (Q(failover_job__isnull=False) & ~fitting)).values_list("pk", "run_id"):
        yield Broken(
            "INV-PSTEP-16",
            f"recovery_plan_step:{pk}",
            f"Step {pk} of plan run {run} has no failover job, or one of another kind or organisation.",
            "Cancel the run, end what its jobs began, and run the plan anew.",
        )


def _steps_that_completed_alone() -> Iterator[Broken]:
    steps = RecoveryPlanStep.objects.filter(kind=PlanStepKind.FAILOVER, status=StepStatus.COMPLETED)
    undone = Q(failover_job__isnull=False) & ~Q(failover_job__status=FailoverStatus.COMPLETED)
    for pk, job, status in steps.filter(undone).values_list("pk", "failover_job__job_id", "failover_job__status"):
        yield Broken(
            "INV-PSTEP-17",
            f"recovery_plan_step:{pk}",
            f"Step {pk} is said to have completed, and its job {job} is {status}.",
            "See what the job did: the run counts as no evidence until its step says the same.",
        )


RULES = (
    _vms_at_target,
    _mappings_of_others,
    _mappings_that_reach_production,
    _unready_jobs,
    _jobs_of_others,
    _snapshots_of_others,
    _groups_that_wait_in_vain,
    _members_of_others,
    _tests_at_once,
    _runs_that_ended_otherwise,
    _steps_without_their_job,
    _steps_that_completed_alone,
)
