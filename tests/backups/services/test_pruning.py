"""Pruning the stored restore points, and what may not be pruned meanwhile."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from backups.models import BackupJob
from backups.points import Policy
from backups.services.protecting import lock_backup, protect_backup
from backups.services.pruning import planned, prune
from backups.services.restoring import create_restore
from backups.services.starting import create_backup
from backups.services.verifying import record_verification
from config.demo.factories import BackupPolicyFactory
from config.jobs import people
from config.jobs.models import JobEvent
from config.refusals import Conflict, Invalid, NotFound, Refusal
from tests.backups.vms import PERSON, backed_up, repository_of, vm_with_disks

pytestmark = pytest.mark.django_db


@pytest.fixture
def vm():
    return vm_with_disks(1)


@pytest.fixture
def repository(vm):
    return repository_of(vm)


@pytest.fixture
def policy(vm):
    return BackupPolicyFactory.create(organization=vm.vcenter.organization, keep_last=1, keep_daily=0)


def fulls(vm, repository, policy, count: int) -> list[BackupJob]:
    """Full back-ups, one a day, the oldest first."""
    at = [timezone.now() - timedelta(days=ago) for ago in reversed(range(count))]
    return [backed_up(vm, repository, 1, at=each, type="full", policy=policy) for each in at]


def pruned() -> list[str]:
    return list(BackupJob.objects.filter(pruned_at__isnull=False).order_by("snapshot_at").values_list("pk", flat=True))


def test_what_is_no_longer_kept_is_marked_with_the_reason_and_its_row_stays(vm, repository, policy):
    jobs = fulls(vm, repository, policy, 3)
    assert [verdict.keep for verdict in planned()] == [True, False, False]
    assert pruned() == []
    verdicts = list(prune(by=PERSON))
    assert [verdict.point.id for verdict in verdicts if not verdict.keep] == [jobs[1].id, jobs[0].id]
    assert pruned() == [jobs[0].id, jobs[1].id]
    old = BackupJob.objects.get(pk=jobs[0].pk)
    assert old.pruned_reason == f"It is older than what keep-last 1 of policy {policy.name} keeps."
    assert (old.status, old.disks.count()) == ("completed", 1)
    event = JobEvent.objects.filter(job_id=old.id).latest("id")
    assert (event.actor, event.reason) == ("anna", f"pruned: {old.pruned_reason}")
    assert [verdict.point.id for verdict in prune(by=PERSON)] == [jobs[2].id]
    assert JobEvent.objects.filter(job_id=old.id).latest("id") == event


def test_number_of_statements_does_not_grow_with_what_is_pruned(vm, repository, policy, django_assert_max_num_queries):
    fulls(vm, repository, policy, 12)
    with django_assert_max_num_queries(30):
        assert sum(not verdict.keep for verdict in prune(by=PERSON)) == 11
    assert len(pruned()) == 11
    assert JobEvent.objects.filter(reason__startswith="pruned: ").count() == 11
    assert set(BackupJob.objects.filter(pruned_at__isnull=False).values_list("pruned_reason", flat=True)) == {
        f"It is older than what keep-last 1 of policy {policy.name} keeps."
    }


def test_no_incremental_is_orphaned(vm, repository, policy):
    full = fulls(vm, repository, policy, 1)[0]
    chain = [backed_up(vm, repository, number, policy=policy) for number in (2, 3)]
    assert [job.parent_id for job in chain] == [full.id, chain[0].id]
    assert [verdict.code for verdict in prune(by=PERSON)] == ["last", "chain", "chain"]
    backed_up(vm, repository, 4, type="full", policy=policy)
    assert sorted(verdict.code for verdict in prune(by=PERSON)) == ["beyond", "beyond", "beyond", "last"]
    assert pruned() == [full.id, *(job.id for job in chain)]


def test_what_a_job_reads_or_builds_on_stays_until_it_has_ended(vm, repository, policy):
    first, second = fulls(vm, repository, policy, 2)
    restore = create_restore(first.id, "/srv/restored", by=PERSON)
    [verdict] = [each for each in prune(by=PERSON) if each.point.id == first.id]
    assert (verdict.code, verdict.reason) == ("in_use", f"Restore job {restore.id} uses it.")
    people.cancel(restore.id, by=PERSON, reason="enough")
    building = create_backup(vm, repository, by=PERSON)
    assert building.parent_id == second.id
    assert first.id in [each.point.id for each in prune(by=PERSON) if not each.keep]
    assert next(planned(policy=Policy("p", weekly=1))).reason.startswith("keep-weekly")
    [verdict] = planned()
    assert verdict.keep
    assert create_restore(second.id, "/srv/restored", by=PERSON)
    with pytest.raises(Invalid, match="is no restore point, as it was pruned at"):
        create_restore(first.id, "/srv/restored", by=PERSON)


def test_the_base_of_the_next_stays_though_a_newer_one_is_kept(vm, repository, policy):
    first, second = fulls(vm, repository, policy, 2)
    second.disks.update(change_id=None)
    assert {each.point.id: each.code for each in planned()} == {first.id: "base", second.id: "last"}


def test_who_protects_or_locks_says_why_and_takes_it_back_only_as_far_as_he_may(vm, repository, policy):
    jobs = fulls(vm, repository, policy, 3)
    protect_backup(jobs[0].id, True, by=PERSON, reason="before the audit")
    later = timezone.now() + timedelta(days=3)
    lock_backup(jobs[1].id, later, by=PERSON, reason="legal hold")
    assert {each.code for each in prune(by=PERSON)} == {"protected", "locked", "last"}
    with pytest.raises(Conflict, match=r"is locked until .*: name a later time"):
        lock_backup(jobs[1].id, later - timedelta(days=1), by=PERSON, reason="enough")
    with pytest.raises(Invalid, match="Say why"):
        protect_backup(jobs[0].id, False, by=PERSON, reason="")
    protect_backup(jobs[0].id, False, by=PERSON, reason="the audit is over")
    list(prune(by=PERSON))
    assert pruned() == [jobs[0].id]
    with pytest.raises(Conflict, match="is no restore point"):
        protect_backup(jobs[0].id, True, by=PERSON, reason="too late")
    stranger = repository_of(vm_with_disks(1)).organization
    with pytest.raises(NotFound):
        protect_backup(jobs[1].id, True, by=PERSON, reason="mine", organization=stranger)


def test_only_the_organization_or_vm_that_is_named_is_pruned(vm, repository, policy):
    mine = fulls(vm, repository, policy, 2)
    other = vm_with_disks(1)
    its_policy = BackupPolicyFactory.create(organization=other.vcenter.organization, keep_last=1, keep_daily=0)
    others = fulls(other, repository_of(other), its_policy, 2)
    list(prune(by=PERSON, organization=other.vcenter.organization))
    assert pruned() == [others[0].id]
    list(prune(by=PERSON, vm=vm.pk))
    assert pruned() == sorted([others[0].id, mine[0].id], key=lambda key: BackupJob.objects.get(pk=key).snapshot_at)


def test_a_verification_is_kept_with_its_time_and_an_older_one_changes_nothing(vm, repository, policy):
    [job] = fulls(vm, repository, policy, 1)
    at = timezone.now()
    assert record_verification(job.id, True, by=PERSON, at=at).verified_good
    assert record_verification(job.id, False, by=PERSON, at=at - timedelta(days=1)).verified_good
    assert not record_verification(job.id, False, by=PERSON).verified_good
    reasons = JobEvent.objects.filter(job_id=job.id, reason__startswith="verified").order_by("id")
    assert list(reasons.values_list("reason", flat=True)) == ["verified: good", "verified: bad"]
    with pytest.raises(NotFound):
        record_verification("backup-none", True, by=PERSON)
    failed = create_backup(vm, repository, by=PERSON)
    with pytest.raises(Conflict, match="is no restore point"):
        record_verification(failed.id, True, by=PERSON)


@pytest.mark.django_db(transaction=True)
def test_a_restore_and_the_pruner_at_the_same_instant_never_both_have_their_way(vm, repository, policy):
    old, _ = fulls(vm, repository, policy, 2)
    start, outcomes = threading.Barrier(4), []

    def act(what) -> None:
        try:
            start.wait(30)
            outcomes.append(what())
        except Refusal as refusal:
            outcomes.append(refusal)
        finally:
            connection.close()

    acts = [lambda: create_restore(old.id, "/srv/restored", by=PERSON)] * 2 + [lambda: list(prune(by=PERSON))] * 2
    threads = [threading.Thread(target=act, args=(each,)) for each in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(outcomes) == 4
    is_pruned = BackupJob.objects.get(pk=old.pk).pruned_at is not None
    assert is_pruned != old.restore_jobs.exists()
