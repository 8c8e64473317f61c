"""What an engine is given, what it may say, and what it is refused; and the people who step in."""

from datetime import timedelta

import pytest
from django.utils import timezone

from backups.models import BackupJob
from backups.services.reporting import record_disk as record_copy
from config.demo.factories import (
    BackupJobFactory,
    FailoverJobFactory,
    OrganizationFactory,
    ReplicationJobFactory,
    RestoreJobFactory,
    VMContextFactory,
)
from config.jobs import claims, people
from config.jobs.engines import advance, complete, fail, heartbeat, held_job, lost_jobs, progress, take_next
from config.jobs.kinds import find_job, find_kind
from config.jobs.models import JobEvent
from config.jobs.moves import By, create_job
from config.jobs.refusals import ClaimHeld, IllegalMove, JobEnded, NotLost, StaleFence
from config.refusals import Invalid, NotFound, Refusal
from config.transactions import whole
from failover.models import FailoverJob
from failover.services.steps import record_step
from failover.services.volumes import record_destination, record_volume
from inventory.models import OperationClaim

pytestmark = pytest.mark.django_db
PERSON, ENGINE = By("anna", "request-1"), By("engine key", "request-2")
ALL = ("replication", "failover", "backup", "restore")


def created(factory=ReplicationJobFactory, **columns):
    vm = columns.pop("vm_context", None) or VMContextFactory.create()
    prepared = factory.build(vm_context=vm, **columns)
    for name in ("target", "repository"):
        if related := getattr(prepared, name, None):
            related.organization = vm.vcenter.organization
            related.save()
    prepared.created_at = timezone.now()
    return whole(create_job)(lambda: prepared, by=PERSON)


def _take(job):
    taken = take_next([job.KIND], engine="engine-1", by=ENGINE)
    assert taken.job.pk == job.pk
    return taken


def age(job, seconds: float) -> None:
    at = timezone.now() - timedelta(seconds=seconds)
    claims.rows(job).update(heartbeat_at=at)


def test_a_new_job_holds_the_claim_of_its_vm_and_the_next_is_told_who_does():
    job = created()
    claim = OperationClaim.objects.get(pk=job.vm_context_id)
    assert (claim.holder_kind, claim.holder_id, claim.fence) == ("replication", job.id, 1)
    with pytest.raises(ClaimHeld, match=f"replication job {job.id} works on this VM since") as refused:
        created(BackupJobFactory, vm_context=job.vm_context)
    assert refused.value.details[0]["holder_id"] == job.id
    [event] = JobEvent.objects.all()
    assert (event.job_id, event.from_status, event.to_status, event.actor) == (job.id, None, "pending", "anna")


def test_a_waiting_job_is_taken_once_the_oldest_first_and_is_never_lost():
    first, second = created(), created()
    age(first, 9999)
    assert lost_jobs() == []
    one, other = (take_next(["replication"], engine=name, by=ENGINE) for name in ("engine-1", "engine-2"))
    assert [one.job.id, other.job.id] == [first.id, second.id]
    assert (one.job.status, one.job.engine, one.fence, one.lease_seconds) == ("running", "engine-1", 2, 60)
    assert one.job.started_at is not None
    assert take_next(ALL, engine="engine-3", by=ENGINE) is None


def test_an_engine_is_given_only_kinds_it_names_and_jobs_of_its_organization():
    job, other = created(), OrganizationFactory.create()
    assert take_next(["backup"], engine="engine-1", by=ENGINE) is None
    assert take_next(ALL, engine="engine-1", by=ENGINE, organization=other) is None
    with pytest.raises(Invalid, match="replications is no kind of job; there are replication, failover"):
        take_next(["replications"], engine="engine-1", by=ENGINE)
    fence = take_next(ALL, engine="engine-1", by=ENGINE, organization=job.vm.vcenter.organization).fence
    with pytest.raises(NotFound, match="There is no job"):
        heartbeat(job.id, fence, organization=other)
    with pytest.raises(NotFound):
        people.cancel(job.id, by=PERSON, reason="mine", organization=other)


@pytest.mark.parametrize("factory", [ReplicationJobFactory, FailoverJobFactory, BackupJobFactory])
def test_a_heartbeat_renews_the_lease_and_says_nothing_of_progress(factory):
    fence = _take(job := created(factory)).fence
    age(job, 50)
    heartbeat(job.public_id, fence)
    assert claims.lease_of(job).age < 40
    assert find_job(job.public_id).progress_at is None


def test_a_job_without_a_claim_has_a_lease_of_its_own():
    job = RestoreJobFactory.create(status="pending", engine=None, started_at=None)
    fence = _take(job).fence
    assert fence == 1
    heartbeat(job.id, fence)
    with pytest.raises(StaleFence):
        heartbeat(job.id, 0)
    age(job, 99)
    assert [each.id for each in lost_jobs()] == [job.id]
    complete(job.id, fence, by=ENGINE)
    assert (find_job(job.id).status, claims.lease_of(job).seconds) == ("completed", None)


@pytest.mark.parametrize("query_count", [4])
def test_a_heartbeat_costs_few_queries(django_assert_max_num_queries, query_count):
    fence = _take(job := created()).fence
    # One is left for the look-up of the key.
    with django_assert_max_num_queries(query_count - 1):
        heartbeat(job.id, fence)


CALLS = {
    "heartbeat": lambda job, fence: heartbeat(job, fence),
    "progress": lambda job, fence: progress(job, fence, percent=3),
    "advance": lambda job, fence: advance(job, fence, "replicating", by=ENGINE),
    "complete": lambda job, fence: complete(job, fence, by=ENGINE),
    "fail": lambda job, fence: fail(job, fence, code="x", message="y", by=ENGINE),
}


@pytest.mark.parametrize("call", CALLS)
def test_whoever_names_an_old_fence_is_refused_and_changes_nothing(call):
    fence = _take(job := created()).fence
    age(job, 62)
    newer = people.take_over(job.id, by=PERSON, reason="engine-1 burnt down", engine="engine-2")
    before = (find_job(job.id).version, JobEvent.objects.count(), claims.lease_of(job).fence)
    with pytest.raises(StaleFence, match="was given to engine-2 with a newer fence"):
        CALLS[call](job.id, fence)
    assert (find_job(job.id).version, JobEvent.objects.count(), claims.lease_of(job).fence) == before
    CALLS["heartbeat"](job.id, newer)


@pytest.mark.parametrize("call", CALLS)
def test_a_job_that_has_ended_or_that_nobody_has_takes_nothing_from_an_engine(call):
    waiting = created()
    with pytest.raises(Refusal, match="take it first"):
        CALLS[call](waiting.id, 1) if call != "heartbeat" else progress(waiting.id, 1)
    fence = _take(job := waiting).fence
    people.cancel(job.id, by=PERSON, reason="wrong VM")
    with pytest.raises(JobEnded, match="has ended as cancelled: stop"):
        CALLS[call](job.id, fence)
    assert OperationClaim.objects.get(pk=job.vm_context_id).holder_id is None


def test_progress_is_written_once_whatever_is_repeated_or_comes_late():
    fence = _take(job := created()).fence
    assert progress(job.id, fence, sequence=1, percent=10, bytes_done=10, bytes_total=100, operation="copying disk 1")
    assert progress(job.id, fence, sequence=3, percent=30, bytes_done=30)
    version = find_job(job.id).version
    assert not progress(job.id, fence, sequence=3, percent=30, bytes_done=30)
    assert not progress(job.id, fence, sequence=2, percent=20, bytes_done=20)
    now = find_job(job.id)
    assert (now.version, now.progress_percent, now.bytes_done, now.bytes_total) == (version, 30, 30, 100)
    assert (now.operation, now.progress_sequence) == ("copying disk 1", 3)
    for wrong in ({"percent": 101}, {"percent": -1}, {"bytes_done": 101}, {"bytes_total": -5}):
        with pytest.raises(Invalid):
            progress(job.id, fence, sequence=9, **wrong)
    with pytest.raises(Invalid, match="reports no disks"):
        progress(_take(other := created(FailoverJobFactory)).job.public_id, 2, disks=[{"disk_id": "disk-2000"}])
    assert find_job(other.public_id).progress_at is None


def test_a_job_is_lost_once_its_lease_has_run_out_and_keeps_what_it_has_until_it_is_taken_over():
    fence = _take(job := created()).fence
    with pytest.raises(NotLost, match=r"engine-1 has reported on job .* 0 s ago, within its lease of 60 s"):
        people.take_over(job.id, by=PERSON, reason="impatient")
    age(job, 62)
    [lost] = lost_jobs()
    assert (lost.id, lost.status, 61 <= lost.silent_for < 90) == (job.id, "running", True)
    with pytest.raises(ClaimHeld):
        created(BackupJobFactory, vm_context=job.vm_context)
    with pytest.raises(Invalid, match="Say why"):
        people.take_over(job.id, by=PERSON, reason=" ")
    newer = people.take_over(job.id, by=PERSON, reason="its host burnt down")
    assert (newer, lost_jobs(), find_job(job.id).engine) == (fence + 1, [], "anna")
    event = JobEvent.objects.filter(job_id=job.id).latest("id")
    assert (event.from_status, event.to_status) == ("running", "running")
    assert event.reason == "taken over from engine-1: its host burnt down"
    fail(job.id, newer, code="engine_lost", message="Its host burnt down.", by=PERSON)
    assert created(BackupJobFactory, vm_context=job.vm_context)


def test_work_ends_only_on_the_way_that_its_kind_has():
    fence = _take(job := created()).fence
    with pytest.raises(IllegalMove, match=r"status running of job .* is followed by replicating, failed, cancelled"):
        complete(job.id, fence, by=ENGINE)
    advance(job.id, fence, "replicating", by=ENGINE)
    failed = fail(job.id, fence, code="source_gone", message="The host is off.", by=ENGINE)
    assert (failed.status, failed.error_code, failed.error_message) == ("failed", "source_gone", "The host is off.")
    with pytest.raises(JobEnded, match="stays so"):
        people.cancel(job.id, by=PERSON, reason="late")


def test_an_id_that_exists_is_tried_again():
    first = created()
    made = [ReplicationJobFactory.build(id=first.id), ReplicationJobFactory.build(id="job-another")]
    vm = VMContextFactory.create()
    for job in made:
        job.vm_context, job.target = vm, first.target
    job = whole(create_job)(iter(made).__next__, by=PERSON)
    assert (job.id, OperationClaim.objects.get(pk=vm.pk).fence) == ("job-another", 1)


@pytest.mark.parametrize("factory", [ReplicationJobFactory, FailoverJobFactory, BackupJobFactory, RestoreJobFactory])
def test_one_query_knows_of_which_kind_a_job_is_whichever_that_is(factory, django_assert_num_queries):
    job = factory.create(status="completed")
    with django_assert_num_queries(1):
        assert find_kind(job.public_id).model is type(job)
    with django_assert_num_queries(2):
        assert find_job(job.public_id, organization=job.vm.vcenter.organization).pk == job.pk
    with pytest.raises(NotFound, match=f"There is no job {job.public_id}"):
        find_job(job.public_id, organization=OrganizationFactory.create())
    with pytest.raises(NotFound):
        find_job(f"{job.public_id} ")


def test_a_report_that_another_kind_of_job_has_is_refused_and_the_kinds_are_named():
    job = created()
    taken = _take(job)
    for report in (
        lambda: held_job(job.id, taken.fence, None, BackupJob, FailoverJob),
        lambda: record_step(job.id, taken.fence, seq=1, status="running"),
        lambda: record_destination(job.id, taken.fence, "i-1"),
        lambda: record_copy(job.id, taken.fence, "disk-2000", status="running"),
    ):
        with pytest.raises(Invalid, match=rf"{job.id} is a replication job: only a (backup|failover)"):
            report()
    with pytest.raises(Invalid, match="is a backup job: only a failover or replication job has this"):
        backup = created(BackupJobFactory)
        record_volume(backup.id, _take(backup).fence, "disk-2000", status="attached")
