"""Lost jobs wait for a person, or for as long as the installation has said."""

from datetime import timedelta

import pytest
from django.utils import timezone

from config.demo.factories import BackupJobFactory, FailoverJobFactory, ReplicationJobFactory, RestoreJobFactory
from config.jobs import claims
from config.jobs.engines import advance, heartbeat, take_next
from config.jobs.kinds import find_job
from config.jobs.lost import end_lost_jobs
from config.jobs.models import JobEvent
from config.jobs.refusals import JobEnded
from inventory.models import OperationClaim
from tests.config.jobs.test_engines import ENGINE, age, created

pytestmark = pytest.mark.django_db


def lost(factory, seconds: float):
    job = created(factory)
    taken = take_next([job.KIND], engine="engine-1", by=ENGINE)
    age(taken.job, seconds)
    return taken


def test_without_a_policy_a_lost_job_waits_for_a_person():
    taken = lost(ReplicationJobFactory, 10_000)
    assert end_lost_jobs(0) == 0
    assert find_job(taken.job.public_id).is_active


@pytest.mark.parametrize("factory", [ReplicationJobFactory, BackupJobFactory])
def test_job_that_is_silent_for_long_enough_is_ended_with_the_reason_and_its_vm_is_free(factory):
    taken = lost(factory, 601)
    assert end_lost_jobs(11) == 0
    assert end_lost_jobs(10) == 1
    job = find_job(taken.job.public_id)
    assert (job.status, job.error_code, job.engine) == ("failed", "engine_lost", "worker")
    assert OperationClaim.objects.get(pk=job.vm_context_id).holder_id is None
    reasons = list(JobEvent.objects.filter(job_id=job.public_id).order_by("id").values_list("actor", "reason"))[-2:]
    assert [actor for actor, _ in reasons] == ["worker", "worker"]
    assert reasons[0][1].startswith("taken over from engine-1: Silent for 10 minutes or more")
    with pytest.raises(JobEnded):
        heartbeat(job.public_id, taken.fence)
    assert end_lost_jobs(10) == 0


def test_lease_that_has_not_run_out_is_not_cut_short(settings):
    settings.JOB_LEASE_SECONDS = 300
    taken = lost(ReplicationJobFactory, 120)
    assert end_lost_jobs(1) == 0
    heartbeat(taken.job.public_id, taken.fence)


def test_failover_that_has_made_something_still_holds_its_vm_for_a_person():
    taken = lost(FailoverJobFactory, 0)
    advance(taken.job.public_id, taken.fence, "snapshotting", by=ENGINE)
    age(find_job(taken.job.public_id), 700)
    assert end_lost_jobs(10) == 1
    job = find_job(taken.job.public_id)
    assert (job.status, job.aftermath, job.is_active) == ("failed", "due", True)
    assert OperationClaim.objects.get(pk=job.vm_context_id).holder_id == job.public_id


def test_restore_holds_up_nobody_and_waits_for_a_person():
    RestoreJobFactory.create(
        status="running", engine="engine-1", heartbeat_at=timezone.now() - timedelta(hours=9), lease_seconds=60
    )
    assert claims.lease_seconds() and end_lost_jobs(1) == 0
