"""`seed --runs --points`: enough history to see how pages bear it, and no rule broken by it."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db.models import Count

from backups.models import BackupJob
from config.demo.history import WRITTEN_BY
from config.jobs.models import JobEvent
from inventory.integrity import all_broken
from replication.models import ReplicationJob
from tests.config.demo.conftest import run_seed

RUNS, POINTS = 30, 12


@pytest.fixture
def told(db):
    return run_seed("--vms", "22", "--runs", str(RUNS), "--points", str(POINTS))


def of_history(model):
    return model.objects.filter(created_by=WRITTEN_BY)


def test_each_vm_of_the_fleet_has_its_runs_and_restore_points_with_their_events(told):
    for model, each in ((ReplicationJob, RUNS), (BackupJob, POINTS)):
        counts = of_history(model).values("vm_context").annotate(jobs=Count("pk")).values_list("jobs", flat=True)
        assert list(counts) == [each] * 12
    failed = of_history(ReplicationJob).filter(status="failed")
    assert failed.count() == 12
    assert JobEvent.objects.filter(job_id=failed[0].pk).values_list("to_status", flat=True)[0] == "failed"
    assert JobEvent.objects.filter(job_id=of_history(BackupJob)[0].pk).count() == 3
    assert "rows of history" in told.out


def test_history_breaks_no_rule(told):
    assert list(all_broken()) == []


def test_second_run_adds_no_history_twice_and_clearing_leaves_none(told):
    before = of_history(ReplicationJob).count(), of_history(BackupJob).count()
    run_seed("--vms", "22", "--runs", str(RUNS), "--points", str(POINTS))
    assert before == (of_history(ReplicationJob).count(), of_history(BackupJob).count())
    call_command("seed", clear=True, stdout=StringIO(), stderr=StringIO())
    assert not ReplicationJob.objects.exists()
    assert not BackupJob.objects.exists()
