"""A failover from the decision to what follows its end, through the services alone."""

import json
import re
import threading
from typing import Any

import pytest
from django.db import connection

from config.jobs import engines
from config.jobs.kinds import find_job
from config.jobs.models import JobEvent
from config.jobs.moves import By
from config.jobs.refusals import ClaimHeld, IllegalMove, JobEnded, StaleFence
from config.refusals import Conflict, Invalid, NotFound, Refusal
from failover.models import FailoverJob, NetworkMapping
from failover.readiness import readiness_of
from failover.services.failovers import commit, create_failover, request_cleanup, request_rollback, set_back
from failover.services.steps import record_step
from failover.services.volumes import record_destination, record_snapshot, record_volume
from inventory.models import VMContext
from replication.models import ChangeId, TargetVolume
from tests.checkout import ROOT
from tests.failover.estates import ready_vm

pytestmark = pytest.mark.django_db
BY, ENGINE = By("operator"), By("engine-1")


def codes(job: FailoverJob) -> list[str]:
    return [finding["code"] for finding in job.readiness_findings]


def take(job: Any) -> int:
    taken = engines.take_next(["failover"], engine="engine-1", by=ENGINE)
    assert taken is not None and taken.job.public_id == job.job_id
    return taken.fence


def fail_over(kind: str) -> tuple[FailoverJob, int]:
    """A failover that an engine has completed, with what it made."""
    job = create_failover(ready_vm(), kind, by=BY)
    fence = take(job)
    for status in ("snapshotting", "creating_vm", "switching_volume", "powering_on"):
        engines.advance(job.job_id, fence, status, by=ENGINE)
        if status == "snapshotting":
            record_snapshot(job.job_id, fence, "disk-2000", status="creating")
            record_snapshot(job.job_id, fence, "disk-2000", status="ready", snapshot_id="snap-1")
        if status == "creating_vm":
            record_destination(job.job_id, fence, "cloud-vm-1")
    engines.complete(job.job_id, fence, by=ENGINE)
    return find_job(job.job_id), fence


def test_a_ready_vm_gets_a_job_with_its_frozen_evidence_and_its_steps():
    vm = ready_vm()
    assert readiness_of(vm).findings == ()
    job = create_failover(vm, "test", by=BY)
    job = FailoverJob.objects.get(pk=job.pk)
    assert job.job_id.startswith(f"test-failover-{vm.vmware_uuid}-")
    assert (job.status, job.created_by, job.readiness_findings, job.override_reason) == (
        "pending",
        "operator",
        [],
        None,
    )
    assert job.target == vm.protection.target
    assert job.replication_job == vm.replication_jobs.get()
    assert job.source_vm_spec["schema"] == "source-vm-spec/1"
    assert [disk["disk_id"] for disk in job.source_vm_spec["disks"]] == ["disk-2000", "disk-2001"]
    mappings = job.network_mappings["mappings"]
    assert {(row["source_network_name"], row["isolation"]) for row in mappings} == {
        ("VM Network", "isolated"),
        ("Web DMZ", "isolated"),
    }
    assert [step.name for step in job.steps.all()][::4] == ["Check readiness", "Power on"]
    NetworkMapping.objects.all().delete()
    assert FailoverJob.objects.get(pk=job.pk).network_mappings["mappings"] == mappings


def shape(value: Any) -> Any:
    """The names in a form, without its values."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) else None


def test_what_a_job_freezes_has_the_form_that_is_published():
    job = create_failover(ready_vm(), "test", by=BY)
    page = (ROOT / "docs/evidence.md").read_text()
    published = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)]
    for frozen, form in zip((job.source_vm_spec, job.network_mappings), published, strict=True):
        assert frozen["schema"] == form["schema"]
        assert shape(frozen) == shape(form)


def test_blockers_refuse_with_the_findings_and_leave_nothing():
    vm = ready_vm()
    TargetVolume.objects.filter(vm_disk__disk_id="disk-2001").update(status="error")
    vm.network_interfaces.filter(source_network_name="Web DMZ").update(source_network_name=None)
    with pytest.raises(Invalid, match=r"not ready for a test failover: DISK\.VOLUME_ERROR") as refused:
        create_failover(vm, "test", by=BY)
    assert refused.value.code == "not_ready"
    assert [(each["code"], each["unknown"]) for each in refused.value.details] == [
        ("DISK.VOLUME_ERROR", False),
        ("NIC.NETWORK_UNKNOWN", True),
    ]
    vm.operation_claim.refresh_from_db()
    assert (vm.operation_claim.holder_id, vm.operation_claim.fence) == (None, 0)
    assert vm.failover_jobs.count() == 1 and not JobEvent.objects.exists()


def test_a_person_overrides_blockers_with_a_reason_that_the_job_keeps():
    vm = ready_vm()
    TargetVolume.objects.filter(vm_disk__disk_id="disk-2001").update(status="error")
    with pytest.raises(Invalid, match="Say why"):
        create_failover(vm, "live", by=BY, override_reason=" ")
    job = create_failover(vm, "live", by=BY, override_reason="The source burns; the second disk is scratch.")
    assert (job.override_by, job.override_reason) == ("operator", "The source burns; the second disk is scratch.")
    assert codes(job) == ["DISK.VOLUME_ERROR"]
    assert JobEvent.objects.get(job_id=job.job_id).reason == job.override_reason


def test_a_reason_where_there_is_nothing_to_override_is_no_override():
    job = create_failover(ready_vm(), "live", by=BY, override_reason="To be sure.")
    assert (job.override_by, job.override_reason) == (None, None)


def test_nobody_overrides_that_a_test_would_reach_production():
    vm = ready_vm()
    mapping = vm.network_mappings.filter(purpose="test").first()
    type(mapping.target_network).objects.filter(pk=mapping.target_network_id).update(isolation="production")
    with pytest.raises(Invalid, match=r"MAPPING\.NOT_ISOLATED"):
        create_failover(vm, "test", by=BY, override_reason="It is only a test.")
    assert create_failover(vm, "live", by=BY).status == "pending"


def test_a_vm_that_another_job_works_on_is_refused_with_the_holder():
    vm = ready_vm()
    first = create_failover(vm, "test", by=BY)
    with pytest.raises(ClaimHeld, match=first.job_id):
        create_failover(vm, "live", by=BY, override_reason="Now.")


@pytest.mark.django_db(transaction=True)
def test_of_several_who_decide_at_once_one_gets_the_vm_and_the_others_are_told_who():
    vm = ready_vm()
    outcomes: list[str] = []

    def decide(kind: str) -> None:
        try:
            outcomes.append(create_failover(vm, kind, by=BY).job_id)
        except Refusal as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(kind,)) for kind in ("test", "live") * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    [job] = FailoverJob.objects.active()
    assert sorted(outcomes) == sorted([job.job_id, *["claim_held"] * 5])
    assert job.steps.count() == 5


def test_what_runs_at_the_target_or_is_archived_is_not_failed_over():
    vm = ready_vm()
    VMContext.objects.filter(pk=vm.pk).update(runs_at="target")
    with pytest.raises(Conflict, match="runs at the target already"):
        create_failover(vm, "live", by=BY, override_reason="Again.")
    VMContext.objects.filter(pk=vm.pk).update(archived_at=vm.created_at)
    with pytest.raises(NotFound):
        create_failover(vm, "live", by=BY)
    with pytest.raises(Invalid, match="no kind of failover"):
        create_failover(vm, "drill", by=BY)


def test_the_steps_follow_the_job_and_the_switch_makes_the_bases_invalid():
    job, _ = fail_over("test")
    assert [(step.status, step.attempts) for step in job.steps.all()] == [("completed", 1)] * 5
    assert all(step.started_at and step.completed_at for step in job.steps.all())
    assert set(ChangeId.objects.values_list("invalid_reason", "is_current")) == {("target_written", None)}
    assert (job.aftermath, job.destination_vm_id) == ("due", "cloud-vm-1")


def test_a_failure_ends_its_step_and_skips_the_others():
    job = create_failover(ready_vm(), "live", by=BY)
    fence = take(job)
    engines.advance(job.job_id, fence, "snapshotting", by=ENGINE)
    engines.fail(job.job_id, fence, code="cloud", message="No room.", by=ENGINE)
    steps = [(step.status, step.message) for step in job.steps.all()]
    assert steps[:3] == [("completed", None), ("failed", "No room."), ("skipped", None)]
    with pytest.raises(Conflict, match="roll it back"):
        commit(job.job_id, by=BY, reason="It will do.")
    assert request_rollback(job.job_id, by=BY, reason="No room.").shown_status == "reverting"


def test_a_test_has_passed_once_an_engine_has_cleaned_up_after_it():
    job, old = fail_over("test")
    assert not job.has_passed
    request_cleanup(job.job_id, by=BY)
    with pytest.raises(StaleFence):
        engines.heartbeat(job.job_id, old)
    fence = take(job)
    with pytest.raises(Conflict, match="1 snapshots of job"):
        engines.complete(job.job_id, fence, by=ENGINE)
    engines.fail(job.job_id, fence, code="in_use", message="The cloud still uses it.", by=ENGINE)
    assert find_job(job.job_id).shown_status == "cleanup_failed"
    request_cleanup(job.job_id, by=BY, reason="The cloud let go.")
    fence = take(job)
    record_snapshot(job.job_id, fence, "disk-2000", status="deleted")
    engines.complete(job.job_id, fence, by=ENGINE)
    job = find_job(job.job_id)
    assert job.has_passed and not job.is_active
    job.vm.operation_claim.refresh_from_db()
    assert job.vm.operation_claim.holder_id is None
    with pytest.raises(JobEnded):
        request_cleanup(job.job_id, by=BY)


def test_a_live_failover_is_accepted_and_the_vm_runs_at_the_target():
    job, _ = fail_over("live")
    with pytest.raises(IllegalMove):
        request_cleanup(job.job_id, by=BY)
    for decide in (commit, request_rollback):
        with pytest.raises(Invalid, match="Say why"):
            decide(job.job_id, by=BY, reason="")
    job = commit(job.job_id, by=BY, reason="The shop is open again.")
    assert (job.aftermath, VMContext.objects.get(pk=job.vm.pk).runs_at) == ("committed", "target")
    with pytest.raises(Conflict, match="runs at the target"):
        create_failover(job.vm, "test", by=BY)


def test_a_vm_is_set_back_to_its_source_with_a_reason_once():
    job, _ = fail_over("live")
    commit(job.job_id, by=BY, reason="The shop is open again.")
    with pytest.raises(Invalid, match="Say why"):
        set_back(job.vm, by=BY, reason=" ")
    set_back(job.vm, by=BY, reason="The flood is over.")
    event = JobEvent.objects.get(job_kind="site")
    assert (event.vm_context_id, event.from_status, event.to_status) == (job.vm.pk, "target", "source")
    assert (event.actor, event.reason) == ("operator", "The flood is over.")
    with pytest.raises(Conflict, match="does not run at the target"):
        set_back(job.vm, by=BY, reason="Again.")
    found = [finding.code.name for finding in readiness_of(job.vm).blockers("live")]
    assert found == ["DISK.NO_CHANGE_ID"] * 2


def test_a_vm_that_a_job_works_on_is_not_set_back():
    vm = ready_vm()
    job = create_failover(vm, "test", by=BY)
    VMContext.objects.filter(pk=vm.pk).update(runs_at="target")
    with pytest.raises(ClaimHeld, match=job.job_id):
        set_back(vm, by=BY, reason="The flood is over.")


def test_only_the_organisation_of_the_vm_decides_about_its_job():
    job, _ = fail_over("test")
    theirs = ready_vm().vcenter.organization
    with pytest.raises(NotFound):
        request_cleanup(job.job_id, by=BY, organization=theirs)


def test_what_an_engine_notes_of_snapshots_and_volumes_is_noted_once_and_by_disk():
    job = create_failover(ready_vm(), "test", by=BY)
    fence = take(job)
    with pytest.raises(NotFound, match="disk-9"):
        record_snapshot(job.job_id, fence, "disk-9", status="creating")
    with pytest.raises(Invalid, match="say the id"):
        record_snapshot(job.job_id, fence, "disk-2000", status="ready")
    first = record_snapshot(job.job_id, fence, "disk-2000", status="failed", error_message="No room.")
    second = record_snapshot(job.job_id, fence, "disk-2000", status="ready", snapshot_id="snap-1")
    again = record_snapshot(job.job_id, fence, "disk-2000", status="ready", snapshot_id="snap-1")
    assert first.pk != second.pk == again.pk
    for status, snapshot_id in (("creating", None), ("ready", "snap-2")):
        with pytest.raises(Conflict):
            record_snapshot(job.job_id, fence, "disk-2000", status=status, snapshot_id=snapshot_id)
    with pytest.raises(Conflict, match="noted already"):
        record_snapshot(job.job_id, fence, "disk-2001", status="ready", snapshot_id="snap-1")
    assert record_volume(job.job_id, fence, "disk-2000", status="attached", device_path="/dev/vdb").device_path
    with pytest.raises(Conflict, match="/dev/vdb"):
        record_volume(job.job_id, fence, "disk-2001", status="attached", device_path="/dev/vdb")
    assert record_volume(job.job_id, fence, "disk-2000", status="detached").device_path is None
    record_destination(job.job_id, fence, "vm-1")
    with pytest.raises(Conflict, match="has made the VM vm-1"):
        record_destination(job.job_id, fence, "vm-2")
    with pytest.raises(StaleFence):
        record_volume(job.job_id, fence - 1, "disk-2000", status="available")


def test_an_engine_notes_steps_of_its_own():
    job = create_failover(ready_vm(), "test", by=BY)
    fence = take(job)
    with pytest.raises(Invalid, match="a name"):
        record_step(job.job_id, fence, seq=6, status="running")
    step = record_step(job.job_id, fence, seq=6, status="running", name="Inject drivers")
    assert record_step(job.job_id, fence, seq=6, status="running").attempts == 1
    failed = record_step(job.job_id, fence, seq=6, status="failed", message="No such driver.")
    assert (failed.pk, failed.message) == (step.pk, "No such driver.")
    assert record_step(job.job_id, fence, seq=6, status="running").attempts == 2
    assert record_step(job.job_id, fence, seq=6, status="completed").completed_at
    with pytest.raises(Conflict, match="has ended as completed"):
        record_step(job.job_id, fence, seq=6, status="running")
