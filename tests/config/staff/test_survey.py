"""The fleet is looked at by one at a time, and what is written says what readiness says."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from backups.capacity import repository_capacity
from config.demo.factories import (
    BackupDiskFactory,
    BackupJobFactory,
    BackupRepositoryFactory,
    BackupScheduleFactory,
    ProtectionFactory,
    VMContextFactory,
    VMDiskFactory,
)
from config.staff import survey
from config.staff.models import RepositoryStanding, StandingFinding, Survey, VMStanding
from failover.readiness import readiness_of_all
from tests.people import member

pytestmark = pytest.mark.django_db


def test_what_is_written_says_what_readiness_says() -> None:
    VMContextFactory.create_batch(3)
    ProtectionFactory()
    assert survey.take_survey()
    for found in readiness_of_all():
        standing = VMStanding.objects.get(pk=found.vm_context_id)
        assert (standing.test, standing.live) == (found.verdict("test"), found.verdict("live"))
        codes = StandingFinding.objects.filter(vm_context=found.vm_context_id)
        assert set(codes.values_list("code", flat=True)) == {each.code.name for each in found.findings}
        blocking = codes.filter(blocks_live=True).values_list("code", flat=True)
        assert set(blocking) == {each.code.name for each in found.blockers("live")}


def test_a_vm_that_is_archived_has_no_standing_any_more() -> None:
    vm, kept = VMContextFactory.create_batch(2)
    survey.take_survey()
    type(vm).objects.filter(pk=vm.pk).update(archived_at=timezone.now())
    survey.take_survey()
    assert list(VMStanding.objects.values_list("pk", flat=True)) == [kept.pk]
    assert not StandingFinding.objects.filter(vm_context=vm).exists()


def test_a_second_survey_of_the_same_fleet_writes_no_standing() -> None:
    VMContextFactory.create_batch(3)
    survey.take_survey()
    with CaptureQueriesContext(connection) as made:
        survey.take_survey()
    written = [query["sql"] for query in made if query["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE")]
    assert all("fleet_surveys" in sql for sql in written), written


def test_queries_do_not_grow_with_the_fleet() -> None:
    counts = []
    for _ in range(2):
        VMContextFactory.create_batch(4)
        survey.take_survey()
        with CaptureQueriesContext(connection) as made:
            survey.take_survey()
        counts.append(len(made))
    assert counts[0] == counts[1]


def test_one_looks_at_a_time_and_not_before_it_is_due() -> None:
    assert survey.take_survey()
    assert not survey.take_survey(every=60)
    Survey.objects.update(holder="another", taken_at=timezone.now())
    assert not survey.take_survey()
    Survey.objects.update(taken_at=timezone.now() - timedelta(seconds=survey.LEASE_SECONDS + 1))
    assert survey.take_survey()


def test_one_that_was_taken_for_dead_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    VMContextFactory()
    read = survey.readiness_of_all

    def slow(**options: Any) -> Any:
        Survey.objects.update(holder="another", taken_at=timezone.now())
        return read(**options)

    monkeypatch.setattr(survey, "readiness_of_all", slow)
    assert not survey.take_survey()
    assert not VMStanding.objects.exists()
    assert Survey.objects.get().holder == "another"


def test_one_that_fails_lets_another_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(survey, "readiness_of_all", lambda **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            survey.take_survey()
    assert survey.take_survey()


def test_growth_of_a_repository_counts_what_was_pruned_since() -> None:
    long_ago = timezone.now() - timedelta(days=40)
    old = BackupJobFactory(status="completed", snapshot_at=long_ago, started_at=long_ago, completed_at=long_ago)
    BackupDiskFactory(job=old, status="completed", bytes_stored=700)
    new = BackupJobFactory(
        status="completed",
        repository=old.repository,
        vm_context=old.vm_context,
        snapshot_at=timezone.now(),
        started_at=timezone.now(),
        completed_at=timezone.now(),
    )
    BackupDiskFactory(job=new, status="completed", bytes_stored=500)
    type(old).objects.filter(pk=old.pk).update(pruned_at=timezone.now(), pruned_reason="by policy")
    survey.take_survey()
    standing = RepositoryStanding.objects.get(repository=old.repository)
    assert (standing.stored_bytes, standing.stored_bytes_before) == (500, 700)


def test_home_says_of_a_repository_what_the_api_says() -> None:
    ago = timezone.now() - timedelta(days=10)
    times = {"snapshot_at": ago, "started_at": ago, "completed_at": ago}
    job = BackupJobFactory(status="completed", repository__capacity_bytes=10_000, **times)
    BackupDiskFactory(job=job, status="completed", bytes_stored=1_000)
    planned = VMContextFactory(vcenter=job.vm_context.vcenter)
    VMDiskFactory(vm_context=planned, capacity_bytes=4_000)
    BackupScheduleFactory(vm_context=planned, repository=job.repository)
    unknown = BackupRepositoryFactory(organization=job.repository.organization, name="unknown", capacity_bytes=None)
    survey.take_survey()
    [said] = [each for each in repository_capacity() if each.repository == job.repository]
    standing = RepositoryStanding.objects.get(repository=job.repository)
    assert said.days_to_full is not None and standing.days_to_full is not None
    assert abs(standing.days_to_full - said.days_to_full) < 0.1 and 49 < said.days_to_full < 51
    client = member(job.repository.organization, "operator")
    page = client.get(reverse("admin:index")).content.decode()
    assert f"{int(standing.days_to_full)} days" in page and unknown.name in page
    assert standing.stored_bytes - standing.stored_bytes_before == said.grown_bytes == 1_000
    assert RepositoryStanding.objects.get(repository=unknown).stored_bytes_before is None
    BackupScheduleFactory(vm_context=VMDiskFactory(capacity_bytes=9_000).vm_context, repository=job.repository)
    survey.take_survey()
    assert RepositoryStanding.objects.get(repository=job.repository).days_to_full == 0


def test_worker_that_is_to_take_no_surveys_takes_none_and_not_one_after_the_other(settings: Any) -> None:
    settings.SURVEY_SECONDS = 0
    assert [survey.survey_if_due() for _ in range(2)] == [False, False]
