"""Jobs that have ended go after their time, and none that something still needs."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from backups.models import BackupDisk, BackupJob, RestoreJob
from backups.retention import RULES as BACKUPS
from config.demo.factories import (
    BackupDiskFactory,
    BackupJobFactory,
    ChangeIdFactory,
    FailoverJobFactory,
    NetworkMappingFactory,
    RecoveryPlanStepFactory,
    ReplicationDiskFactory,
    ReplicationJobFactory,
    ReplicationSlotFactory,
    RestoreJobFactory,
    TargetVolumeFactory,
    VMContextFactory,
    VMDiskFactory,
    VolumeSnapshotFactory,
)
from config.jobs.keeping import EndedJobs
from failover.models import FailoverJob, NetworkMapping, VolumeSnapshot
from failover.retention import RULES as FAILOVERS
from replication.models import ReplicationJob, ReplicationSlot
from replication.retention import RULES as REPLICATIONS

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, tzinfo=UTC)
JOBS = [rule for rule in (*FAILOVERS, *REPLICATIONS, *BACKUPS) if isinstance(rule, EndedJobs)]


@pytest.fixture(autouse=True)
def days(settings):
    settings.RETENTION_COMPLETED_DAYS = 100
    settings.RETENTION_FAILED_DAYS = 200
    settings.RETENTION_TEST_DAYS = 50


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def applied(rules=JOBS) -> dict[str, int]:
    """What goes, by table and in the words of the rule."""
    done = {}
    for rule in rules:
        for step in rule.steps(connection, NOW):
            done[f"{step.table}: {step.subject.partition(' jobs')[0]}"] = step.do(None)
    return done


def replicated(vm, days: float, status="completed", **columns):
    job = ReplicationJobFactory.create(
        vm_context=vm,
        status=status,
        created_at=ago(days),
        snapshot_at=ago(days) if status == "completed" else None,
        **columns,
    )
    disk = vm.disks.first() or VMDiskFactory.create(vm_context=vm)
    ReplicationDiskFactory.create(job=job, vm_disk=disk)
    return job


def test_nothing_goes_where_everything_is_kept_for_ever(settings):
    settings.RETENTION_COMPLETED_DAYS = settings.RETENTION_FAILED_DAYS = settings.RETENTION_TEST_DAYS = 0
    vm = VMContextFactory.create()
    for days in (5_000, 4_000):
        replicated(vm, days)
    assert applied() == {}


def test_failed_runs_are_kept_longer_than_completed_ones_and_active_ones_always():
    vm = VMContextFactory.create()
    for days, status in ((150, "completed"), (150, "failed"), (250, "cancelled"), (250, "failed")):
        replicated(vm, days, status)
    active = replicated(vm, 900, "running")
    newest = replicated(vm, 120)
    assert applied() == {"replication_jobs: completed": 1, "replication_jobs: failed and cancelled": 2}
    left = set(ReplicationJob.objects.values_list("pk", flat=True))
    assert {active.pk, newest.pk} < left and len(left) == 3
    assert applied() == {}


def test_run_that_a_disk_its_base_or_a_failover_names_is_kept():
    vm = VMContextFactory.create()
    disk = VMDiskFactory.create(vm_context=vm)
    named, base, failed_over, plain = (replicated(vm, days) for days in (404, 403, 402, 401))
    replicated(vm, 1)
    disk.job = named
    disk.save()
    ChangeIdFactory.create(vm_disk=disk, job=base, is_current=True)
    FailoverJobFactory.create(vm_context=vm, replication_job=failed_over)
    slot = ReplicationSlotFactory.create(vm_context=vm, job=plain, outcome="started")
    assert applied() == {"replication_jobs: completed": 1}
    assert not ReplicationJob.objects.filter(pk=plain.pk).exists()
    assert ReplicationSlot.objects.get(pk=slot.pk).job is None


def failed_over(vm, days: float, kind="test", status="completed", aftermath="cleaned", **columns):
    ended = ago(days)
    job = FailoverJobFactory.create(
        vm_context=vm, job_type=kind, status=status, aftermath=aftermath, created_at=ended, **columns
    )
    FailoverJob.objects.filter(pk=job.pk).update(
        completed_at=ended,
        aftermath_completed_at=ended if aftermath in ("cleaned", "committed", "rolled_back") else None,
    )
    return job


def test_cleaned_tests_go_first_and_the_last_one_that_readiness_names_is_kept():
    vm = VMContextFactory.create()
    old, last = failed_over(vm, 90), failed_over(vm, 80)
    due = failed_over(vm, 900, aftermath="due")
    rolled_back, committed = (failed_over(vm, 70, "live", aftermath=each) for each in ("rolled_back", "committed"))
    failed = failed_over(vm, 150, status="failed", aftermath="none")
    NetworkMappingFactory.create(vm_context=vm, created_at=ago(4_000))
    assert applied() == {"failover_jobs: cleaned test": 1}
    assert set(FailoverJob.objects.all()) == {last, due, rolled_back, committed, failed}
    assert NetworkMapping.objects.count() == 1
    assert not FailoverJob.objects.filter(pk=old.pk).exists()


def test_failover_of_a_plan_run_or_with_a_snapshot_that_is_there_is_kept():
    vm = VMContextFactory.create()
    planned, held, ended = (failed_over(vm, days) for days in (403, 402, 401))
    failed_over(vm, 1)
    RecoveryPlanStepFactory.create(failover_job=planned)
    volume = TargetVolumeFactory.create(vm_disk=VMDiskFactory.create(vm_context=vm))
    VolumeSnapshotFactory.create(job=held, volume=volume, status="ready")
    VolumeSnapshotFactory.create(job=ended, volume=volume, status="deleted")
    assert applied() == {"failover_jobs: cleaned test": 1}
    assert not FailoverJob.objects.filter(pk=ended.pk).exists() and VolumeSnapshot.objects.get().job == held


def backed_up(vm, days: float, *, pruned: float | None = None, **columns):
    pruning = {} if pruned is None else {"pruned_at": ago(pruned), "pruned_reason": "old"}
    job = BackupJobFactory.create(vm_context=vm, status="completed", created_at=ago(days), **pruning, **columns)
    BackupDiskFactory.create(job=job, vm_disk=vm.disks.first() or VMDiskFactory.create(vm_context=vm))
    return job


def test_pruned_back_ups_go_with_their_chain_and_restore_points_never():
    vm = VMContextFactory.create()
    kept = backed_up(vm, 4_000)
    base = backed_up(vm, 950, repository=kept.repository)
    child = backed_up(vm, 940, repository=kept.repository, parent=base, backup_type="incremental", pruned=300)
    backed_up(vm, 930, repository=kept.repository, parent=child, backup_type="incremental", pruned=300)
    alone = backed_up(vm, 900, repository=kept.repository, pruned=30)
    # A restore point in the middle keeps what it is built on.
    needed = backed_up(vm, 925, repository=kept.repository, pruned=300)
    point = backed_up(vm, 920, repository=kept.repository, parent=needed, backup_type="incremental")
    assert applied() == {"backup_jobs: completed and pruned": 2}
    assert set(BackupJob.objects.all()) == {kept, base, alone, needed, point}
    assert BackupDisk.objects.count() == 5


def test_restore_keeps_the_back_up_that_it_read_for_as_long_as_it_is_kept():
    vm = VMContextFactory.create()
    read = backed_up(vm, 900, pruned=300)
    restore = RestoreJobFactory.create(backup=read, status="failed", created_at=ago(150))
    assert applied() == {}
    RestoreJob.objects.filter(pk=restore.pk).update(completed_at=ago(201))
    assert applied() == {"restore_jobs: failed and cancelled": 1, "backup_jobs: completed and pruned": 1}


def test_command_says_what_and_why_and_deletes_nothing_by_default():
    vm = VMContextFactory.create()
    for days in (5_000, 4_000):
        replicated(vm, days)
    out = io.StringIO()
    call_command("apply_retention", format="json", stdout=out, stderr=io.StringIO())
    [step] = [step for step in json.loads(out.getvalue())["steps"] if step["table"] == "replication_jobs"]
    assert (step["what"], step["rows"]) == ("delete", 1)
    assert step["why"] == "they are kept for 100 days (RETENTION_COMPLETED_DAYS), and nothing needs them"
    assert ReplicationJob.objects.count() == 2
