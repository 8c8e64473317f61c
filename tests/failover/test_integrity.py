"""Every rule that a service holds is found where a row breaks it, and nowhere else."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from config.demo.factories import (
    FailoverJobFactory,
    NetworkMappingFactory,
    RecoveryPlanFactory,
    RecoveryPlanGroupFactory,
    RecoveryPlanMemberFactory,
    RecoveryPlanRunFactory,
    RecoveryPlanStepFactory,
    ReplicationJobFactory,
    TargetFactory,
    TargetNetworkFactory,
    TargetVolumeFactory,
    VMContextFactory,
    VolumeSnapshotFactory,
)
from failover.findings import VM_NOT_REPLICATED, found
from failover.integrity import broken_rules
from tests.checkout import ROOT
from tests.failover.estates import ready_vm

pytestmark = pytest.mark.django_db


def vm_at_target_of_itself() -> str:
    return f"vm:{VMContextFactory.create(runs_at='target').pk}"


def mapping_to_another_organisation() -> str:
    mapping = NetworkMappingFactory.create()
    update(mapping, target_network=TargetNetworkFactory.create(target=TargetFactory.create()))
    return f"network_mapping:{mapping.pk}"


def mapping_of_a_test_to_production() -> str:
    mapping = NetworkMappingFactory.create()
    update(mapping.target_network, isolation="unknown")
    return f"network_mapping:{mapping.pk}"


def live_mapping_to_an_isolated_network() -> str:
    mapping = NetworkMappingFactory.create(purpose="live")
    update(mapping.target_network, isolation="isolated")
    return f"network_mapping:{mapping.pk}"


def job_without_evidence() -> str:
    return f"failover_job:{FailoverJobFactory.create(readiness_findings=None).job_id}"


def job_in_spite_of_a_blocker() -> str:
    job = FailoverJobFactory.create(readiness_findings=[found(VM_NOT_REPLICATED).as_json()])
    return f"failover_job:{job.job_id}"


def job_with_another_target() -> str:
    job = FailoverJobFactory.create()
    update(job, target=TargetFactory.create())
    return f"failover_job:{job.job_id}"


def job_with_another_copy() -> str:
    job = FailoverJobFactory.create()
    update(job, replication_job=ReplicationJobFactory.create())
    return f"failover_job:{job.job_id}"


def snapshot_of_another_vm() -> str:
    snapshot = VolumeSnapshotFactory.create()
    update(snapshot, volume=TargetVolumeFactory.create())
    return f"volume_snapshot:{snapshot.pk}"


def group_that_waits_for_another_plan() -> str:
    group = RecoveryPlanGroupFactory.create()
    update(group, depends_on=RecoveryPlanGroupFactory.create())
    return f"recovery_plan_group:{group.pk}"


def group_that_waits_for_itself() -> str:
    group = RecoveryPlanGroupFactory.create()
    update(group, depends_on=group)
    return f"recovery_plan_group:{group.pk}"


def member_of_another_organisation() -> str:
    member = RecoveryPlanMemberFactory.create()
    update(member, vm_context=VMContextFactory.create())
    return f"recovery_plan_member:{member.pk}"


def member_by_a_group_of_another_plan() -> str:
    member = RecoveryPlanMemberFactory.create()
    update(member, group=RecoveryPlanGroupFactory.create(plan__organization=member.plan.organization))
    return f"recovery_plan_member:{member.pk}"


def run_of_a_test_beside_another() -> str:
    vm = VMContextFactory.create()
    runs = []
    for kind in ("test", "live"):
        plan = RecoveryPlanFactory.create(organization=vm.vcenter.organization)
        RecoveryPlanMemberFactory.create(plan=plan, vm_context=vm)
        runs.append(RecoveryPlanRunFactory.create(plan=plan, kind=kind, status="running"))
    return f"recovery_plan_run:{runs[0].pk}"


def run_that_ended_with_a_step_left() -> str:
    run = RecoveryPlanRunFactory.create(status="completed")
    RecoveryPlanStepFactory.create(run=run, status="running")
    return f"recovery_plan_run:{run.pk}"


def run_that_was_stopped_and_completed() -> str:
    run = RecoveryPlanRunFactory.create(status="completed", ending="failed", reason="It failed.")
    return f"recovery_plan_run:{run.pk}"


def step_without_a_job() -> str:
    step = RecoveryPlanStepFactory.create(kind="failover", failover_job=None)
    return f"recovery_plan_step:{step.pk}"


def step_with_a_job_of_another_kind() -> str:
    step = RecoveryPlanStepFactory.create(kind="failover", run__kind="live")
    update(step.run, kind="test")
    return f"recovery_plan_step:{step.pk}"


def step_with_a_job_of_another_organisation() -> str:
    step = RecoveryPlanStepFactory.create(kind="failover", failover_job=FailoverJobFactory.create(job_type="test"))
    return f"recovery_plan_step:{step.pk}"


def step_that_completed_without_its_job() -> str:
    step = RecoveryPlanStepFactory.create(kind="failover", status="completed")
    update(step.failover_job, status="pending", aftermath="none", completed_at=None)
    return f"recovery_plan_step:{step.pk}"


def update(row: Any, **columns: Any) -> None:
    type(row)._base_manager.filter(pk=row.pk).update(**columns)


BREAKS: list[tuple[str, Callable[[], str]]] = [
    ("INV-VM-13", vm_at_target_of_itself),
    ("INV-MAP-06", mapping_to_another_organisation),
    ("INV-MAP-07", mapping_of_a_test_to_production),
    ("INV-MAP-07", live_mapping_to_an_isolated_network),
    ("INV-FAIL-19", job_without_evidence),
    ("INV-FAIL-19", job_in_spite_of_a_blocker),
    ("INV-FAIL-20", job_with_another_target),
    ("INV-FAIL-20", job_with_another_copy),
    ("INV-SNAP-10", snapshot_of_another_vm),
    ("INV-GROUP-08", group_that_waits_for_another_plan),
    ("INV-GROUP-08", group_that_waits_for_itself),
    ("INV-PMEMBER-05", member_of_another_organisation),
    ("INV-PMEMBER-05", member_by_a_group_of_another_plan),
    ("INV-PRUN-10", run_of_a_test_beside_another),
    ("INV-PRUN-12", run_that_ended_with_a_step_left),
    ("INV-PRUN-12", run_that_was_stopped_and_completed),
    ("INV-PSTEP-16", step_without_a_job),
    ("INV-PSTEP-16", step_with_a_job_of_another_kind),
    ("INV-PSTEP-16", step_with_a_job_of_another_organisation),
    ("INV-PSTEP-17", step_that_completed_without_its_job),
]


@pytest.mark.parametrize(("invariant", "broken"), BREAKS, ids=lambda each: getattr(each, "__name__", each))
def test_what_breaks_a_rule_is_found_and_nothing_else(invariant, broken):
    ready_vm()
    subject = broken()
    assert [(each.invariant, each.subject) for each in broken_rules()] == [(invariant, subject)]
    assert all(each.sentence.endswith(".") and each.way_out.endswith(".") for each in broken_rules())


def test_every_rule_of_failover_that_a_service_holds_is_looked_for():
    page = (ROOT / "docs/invariants.md").read_text()
    failover = page.partition("\n## Failover")[2].partition("\n## ")[0]
    held = set(re.findall(r"\| (INV-\w+-\d+) \|.*\| service \|", failover))
    assert {invariant for invariant, _ in BREAKS} == held | {"INV-VM-13"}


def test_the_demonstration_estate_breaks_no_rule(capsys):
    call_command("seed")
    assert list(broken_rules()) == []
