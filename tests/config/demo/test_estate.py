"""What the estate shows, and that it is as true as a real one."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.db.models import Count, F, Q
from django.utils import timezone

from backups.models import BACKUP, RESTORE, BackupDisk, BackupJob, RestoreJob
from config.demo.models import SeededRow
from config.jobs.models import IdempotencyKey, JobEvent
from failover.models import (
    AFTERMATH_ENDS,
    AFTERMATH_MOVES,
    FAILOVER,
    FailoverJob,
    FailoverStep,
    NetworkMapping,
    PlanRunStatus,
    RecoveryPlanMember,
    RecoveryPlanRun,
    RecoveryPlanStep,
    SnapshotStatus,
    StepStatus,
    VolumeSnapshot,
)
from inventory.models import (
    Alert,
    ApiKey,
    DiscoveryOutcome,
    DiscoveryRun,
    Host,
    HostMetric,
    Membership,
    OperationClaim,
    Organization,
    Outcome,
    RunStatus,
    User,
    VMContext,
    VMDisk,
    VMMetric,
    VMNetworkInterface,
)
from replication.models import (
    REPLICATION,
    ChangeId,
    Protection,
    ReplicationDisk,
    ReplicationJob,
    TargetNetwork,
    TargetVolume,
    VolumeStatus,
)
from tests.config.demo.conftest import records, run_seed, tables

pytestmark = pytest.mark.usefixtures("seeded")

KINDS = {
    "replication": (ReplicationJob, REPLICATION, "id", "vm_context_id"),
    "failover": (FailoverJob, FAILOVER, "job_id", "vm_context_id"),
    "backup": (BackupJob, BACKUP, "id", "vm_context_id"),
    "restore": (RestoreJob, RESTORE, "id", "backup__vm_context_id"),
}
CLAIMING = ("replication", "failover", "backup")


def all_of(model, field="status"):
    return set(model.objects.values_list(field, flat=True))


def check_rows(rows):
    """Of each status one row is checked in full; of the others the database has kept keys and checks already."""
    seen = set()
    for row in rows:
        shape = getattr(row, "status", None)
        row.full_clean(validate_unique=shape not in seen, validate_constraints=shape not in seen)
        seen.add(shape)


def test_every_row_is_valid():
    for model in records():
        check_rows(model.objects.all())


def test_each_record_is_there():
    assert [model for model in records() if not model.objects.exists()] == []


def test_every_row_is_recorded_as_seeded():
    rows = sum(model._base_manager.count() for model in tables() if model is not SeededRow)

    assert SeededRow.objects.count() == rows


def test_the_numbers_are_those_of_the_seed():
    assert Organization.objects.count() == 5
    assert Organization.objects.get(is_default=True).name == "NovaCron Inc"
    assert User.objects.order_by("pk")[0].username == "admin"
    assert User.objects.count() == Host.objects.count() == 9
    assert User.objects.filter(is_superuser=True, is_staff=True).count() == 2
    assert set(User.objects.filter(memberships__isnull=False)) == set(User.objects.all())
    assert {user.username for user in User.objects.all() if not user.may_sign_in} == {"inactive", "locked", "expired"}
    assert VMContext.objects.exclude(name__startswith="fleet-").count() == 10
    assert all_of(VMContext, "power_state") == {"poweredOn", "poweredOff", "suspended", None}
    assert VMNetworkInterface.objects.filter(source_network_name=None).exists()
    assert all_of(TargetNetwork, "isolation") == {"production", "isolated", "unknown"}
    assert all_of(Membership, "role") == {"admin", "operator", "viewer"}


def test_staff_without_an_office_may_look_and_nothing_else():
    viewer = User.objects.get(username="viewer")

    assert viewer.has_perm("failover.view_failoverjob")
    assert not viewer.has_perm("failover.add_failoverjob")
    assert {name.partition(".")[2].partition("_")[0] for name in viewer.get_all_permissions()} == {"view"}


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_a_job_in_every_status(kind):
    model, lifecycle, _, _ = KINDS[kind]

    assert all_of(model) == set(lifecycle.moves)


def test_there_is_every_aftermath_of_both_kinds_of_failover():
    for kind, moves in AFTERMATH_MOVES.items():
        assert set(FailoverJob.objects.filter(job_type=kind).values_list("aftermath", flat=True)) == set(moves)


def test_whatever_else_has_a_status_is_there_in_each():
    assert all_of(FailoverStep) == all_of(RecoveryPlanStep) == set(StepStatus.values)
    assert all_of(RecoveryPlanStep, "kind") == {"failover", "pause", "manual"}
    assert all_of(RecoveryPlanRun) == set(PlanRunStatus.values)
    assert all_of(TargetVolume) == set(VolumeStatus.values)
    assert all_of(VolumeSnapshot) == set(SnapshotStatus.values)
    assert all_of(DiscoveryRun) == set(RunStatus.values)
    assert all_of(DiscoveryOutcome, "outcome") == set(Outcome.values)
    assert all_of(BackupJob, "backup_type") == {"full", "incremental"}
    assert all_of(ReplicationJob, "replication_type") == {"initial", "incremental"}
    assert all_of(VMDisk, "sync_status") == {"pending", "syncing", "completed", "failed"}
    assert ChangeId.objects.filter(is_current=True).exists()
    assert ChangeId.objects.filter(is_current=None, invalidated_at=None, committed_at__isnull=False).exists()
    assert {"target_written", "reverted"} <= all_of(ChangeId, "invalid_reason")
    assert Alert.objects.filter(is_open=True, acknowledged_at=None).exists()
    assert Alert.objects.filter(is_open=True, acknowledged_at__isnull=False).exists()
    assert Alert.objects.filter(resolved_at__isnull=False).exists()
    assert ApiKey.objects.exists() and IdempotencyKey.objects.exists()


def active_jobs(kind):
    model, lifecycle, identifier, vm = KINDS[kind]
    active = Q(status__in=lifecycle.active)
    if kind == "failover":
        active |= ~Q(aftermath__in=["none", *AFTERMATH_ENDS])
    return list(model.objects.filter(active).values_list(vm, identifier))


def assert_claims_agree_with_jobs():
    active = {(vm, kind, job) for kind in CLAIMING for vm, job in active_jobs(kind)}
    held = OperationClaim.objects.filter(holder_id__isnull=False)

    assert set(held.values_list("vm_context_id", "holder_kind", "holder_id")) == active
    assert len(held) == len(active)
    assert OperationClaim.objects.count() == VMContext.objects.count()


def test_each_active_job_holds_the_claim_of_its_vm_and_nothing_else_does():
    assert_claims_agree_with_jobs()


@pytest.mark.parametrize("kind", KINDS)
def test_the_events_of_a_job_are_legal_moves_and_end_where_the_job_is(kind):
    model, lifecycle, identifier, vm = KINDS[kind]
    for job in model.objects.annotate(its_vm=F(vm)):
        events = list(JobEvent.objects.filter(job_kind=kind, job_id=getattr(job, identifier)).order_by("at", "id"))
        aftermath = []
        if kind == "failover":
            aftermath = [event for event in events if event.from_status not in lifecycle.moves and event.from_status]
            events = events[: len(events) - len(aftermath)]
            moves = AFTERMATH_MOVES[job.job_type]
            assert all(event.to_status in moves[event.from_status] for event in aftermath)
            assert not aftermath or aftermath[-1].to_status == job.aftermath
        assert events[0].from_status is None and events[0].to_status == "pending" and events[0].at == job.created_at
        assert all(after.from_status == before.to_status for before, after in pairwise(events))
        assert all(lifecycle.allows(event.from_status, event.to_status) for event in events[1:])
        assert events[-1].to_status == job.status
        assert job.completed_at in (None, events[-1].at)
        assert {event.vm_context_id for event in [*events, *aftermath]} == {job.its_vm}
        assert all(event.at <= timezone.now() for event in [*events, *aftermath])


def test_the_present_state_of_a_disk_is_that_of_its_newest_history_row():
    for disk in VMDisk.objects.select_related("job"):
        newest = ReplicationJob.objects.filter(disks__vm_disk=disk).order_by("-created_at").first()
        current = ChangeId.objects.filter(vm_disk=disk, is_current=True).first()
        assert disk.job == newest
        assert disk.disk_change_id == (current.change_id if current else None)


def test_change_ids_build_on_each_other():
    for disk in VMDisk.objects.all():
        history = list(ChangeId.objects.filter(vm_disk=disk).order_by("generation"))
        assert [each.generation for each in history] == list(range(1, len(history) + 1))
        for before, after in pairwise(history):
            assert after.base_change_id in (None, before.change_id)
            assert before.snapshot_at < after.snapshot_at
    completed = ReplicationDisk.objects.filter(job__status="completed")
    assert not completed.exclude(status="completed", new_change_id__isnull=False).exists()
    assert not completed.filter(job__replication_type="incremental", base_change_id=None).exists()


def test_a_failover_that_reached_the_volumes_made_the_bases_invalid():
    written = FailoverJob.objects.filter(destination_vm_id__isnull=False)

    assert written.exists()
    for job in written:
        later = ChangeId.objects.filter(vm_disk__vm_context=job.vm_context_id, snapshot_at__lt=job.created_at)
        assert not later.filter(is_current=True).exists()


def test_back_ups_build_on_completed_ones_of_the_same_repository():
    for job in BackupJob.objects.filter(backup_type="incremental").select_related("parent"):
        assert job.parent.status == "completed"
        assert (job.parent.repository_id, job.parent.vm_context_id) == (job.repository_id, job.vm_context_id)
        assert job.parent.created_at < job.created_at
    for job in BackupJob.objects.filter(status="completed"):
        disks = VMDisk.objects.filter(vm_context=job.vm_context_id, removed_at=None)
        assert BackupDisk.objects.filter(job=job, status="completed").count() == disks.count()
    assert not RestoreJob.objects.exclude(backup__status="completed").exists()


def test_nothing_crosses_organizations():
    mine = {"organization": F("vm_context__vcenter__organization")}
    for model, path in (
        (Protection, "target__organization"),
        (ReplicationJob, "target__organization"),
        (FailoverJob, "target__organization"),
        (BackupJob, "repository__organization"),
        (BackupJob, "policy__organization"),
        (NetworkMapping, "target_network__target__organization"),
        (RecoveryPlanMember, "plan__organization"),
    ):
        assert not model.objects.exclude(**{path: mine["organization"]}).exists()


def test_a_test_leads_to_isolated_networks_only():
    assert not NetworkMapping.objects.filter(purpose="test").exclude(target_network__isolation="isolated").exists()
    assert not NetworkMapping.objects.filter(purpose="live", target_network__isolation="isolated").exists()


def test_a_vm_is_in_one_active_run_of_a_plan_at_most():
    running = RecoveryPlanMember.objects.filter(plan__runs__is_active=True)

    assert not running.values("vm_context").annotate(runs=Count("id")).filter(runs__gt=1).exists()


def test_the_vm_of_seed_000_is_discovered_not_replicated_and_backed_up():
    vm = VMContext.objects.get(context_id__startswith="ctx-pgtest1-20251006-203401-")
    disks = vm.disks.order_by("device_key").values_list("disk_id", "capacity_bytes", "size_gb", "job_id")

    assert list(disks) == [("disk-2000", 109521666048, 102, None), ("disk-2001", 5368709120, 5, None)]
    assert vm.backup_jobs.filter(status="completed").exists()
    assert not vm.replication_jobs.exists()


def test_the_vm_of_seed_001_has_its_disk_mappings_volume_and_test():
    vm = VMContext.objects.get(vmware_uuid="4205a841-0265-f4bd-39a6-39fd92196f53")
    (disk,), (nic,) = vm.disks.all(), vm.network_interfaces.all()
    test = vm.failover_jobs.get(job_id__startswith="test-failover-4205a841-0265-f4bd-39a6-39fd92196f53-1755530108-")

    assert (vm.name, vm.cpu_count, vm.memory_mb, vm.os_type) == ("PGWINTESTBIOS", 2, 4096, "windows2019srv_64")
    assert (disk.size_gb, disk.vmdk_path) == (54, "[DatabanxDatastore] PGWINTESTBIOS/PGWINTESTBIOS.vmdk")
    assert (nic.source_network_name, nic.adapter_type) == ("VM Network", "vmxnet3")
    assert {mapping.purpose: mapping.target_network.external_id for mapping in vm.network_mappings.all()} == {
        "test": "test-network-default",
        "live": "network-production-123",
    }
    assert disk.target_volume.volume_id == "e915ef05-ddf5-48d5-8352-a01300609717"
    assert test.has_passed
    assert test.replication_job.id.startswith("job-20250818-153521-")


def test_the_live_example_of_seed_001_runs_at_the_target():
    vm = VMContext.objects.get(name="ProductionVM")
    job = vm.failover_jobs.get(job_id__startswith="live-failover-1234-5678-abcd-1755530200-")

    assert (job.status, job.aftermath, vm.runs_at) == ("completed", "committed", "target")
    assert job.destination_vm_id == "ossea-vm-prod-12345"
    assert job.snapshots.filter(snapshot_id="snapshot-backup-67890").exists()


def test_the_last_day_is_measured_until_now():
    for model, key, subjects in (
        (HostMetric, "host_id", Host.objects.all()),
        (VMMetric, "vm_context_id", VMContext.objects.filter(power_state="poweredOn").exclude(name__contains="fleet")),
    ):
        for subject in subjects:
            times = sorted(model.objects.filter(**{key: subject.pk}).values_list("at", flat=True))
            assert times[-1] > timezone.now() - timedelta(minutes=10)
            assert times[-1] - times[0] >= timedelta(hours=23, minutes=30)
            assert max(after - before for before, after in pairwise(times)) <= timedelta(minutes=15)


def test_three_hundred_vms_are_the_ten_and_others_and_every_further_row_is_valid():
    before = {model: set(model.objects.values_list("pk", flat=True)) for model in records()}

    run_seed("--vms", "300")

    assert VMContext.objects.count() == OperationClaim.objects.count() == 300
    for model, there in before.items():
        check_rows(row for row in model.objects.all() if row.pk not in there)
    assert_claims_agree_with_jobs()
