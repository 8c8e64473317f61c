"""How full repositories are, and when they will be full."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from backups.capacity import repository_capacity
from backups.models import BackupJob, BackupSchedule
from config.demo.factories import (
    BackupDiskFactory,
    BackupJobFactory,
    BackupRepositoryFactory,
    MembershipFactory,
    VMContextFactory,
    VMDiskFactory,
)
from tests.config.api.client import hub_of

pytestmark = pytest.mark.django_db
NOW = timezone.now()
GIB = 1 << 30


def vm_of(repository, *capacities):
    vm = VMContextFactory.create(vcenter__organization=repository.organization)
    for number, capacity in enumerate(capacities):
        VMDiskFactory.create(vm_context=vm, device_key=2000 + number, capacity_bytes=capacity)
    return vm


def scheduled(repository, vm, schedule="0 1 * * *", **columns):
    return BackupSchedule.objects.create(vm_context=vm, repository=repository, schedule=schedule, **columns)


def stored(repository, vm, days: float, size: int, **columns):
    at = NOW - timedelta(days=days)
    job = BackupJobFactory.create(vm_context=vm, repository=repository, status="completed", snapshot_at=at, **columns)
    BackupDiskFactory.create(job=job, vm_disk=vm.disks.first(), status="completed", bytes_stored=size)
    return job


def only(repository):
    [found] = repository_capacity(organization=repository.organization, now=NOW)
    return found


def test_what_nobody_knows_is_unknown_and_not_0():
    found = only(BackupRepositoryFactory.create(capacity_bytes=None))
    assert (found.grown_bytes, found.growth_bytes_per_day, found.days_to_full) == (None, None, None)
    assert found.why == "Nobody has said how much it holds."
    young = only(BackupRepositoryFactory.create(capacity_bytes=GIB))
    assert (young.growth_bytes_per_day, young.days_to_full) == (None, None) and "less than 7 days" in young.why


def test_days_to_full_count_from_what_is_there_and_what_is_scheduled_to_come():
    repository = BackupRepositoryFactory.create(capacity_bytes=100 * GIB)
    here = vm_of(repository, 5 * GIB)
    for days in (60, 29, 9):
        stored(repository, here, days, 15 * GIB)
    stored(repository, here, 40, 2 * GIB, pruned_at=NOW - timedelta(days=1), pruned_reason="old")
    scheduled(repository, here)
    coming = vm_of(repository, 5 * GIB, 6 * GIB, None)
    scheduled(repository, coming)
    scheduled(repository, coming, "0 13 * * *")
    scheduled(repository, vm_of(repository, 7 * GIB), enabled=False)
    found = only(repository)
    assert (found.used_bytes, found.planned_bytes, found.planned_vms) == (45 * GIB, 11 * GIB, 1)
    assert found.planned_disks_of_unknown_capacity == 1
    assert found.growth_bytes_per_day == pytest.approx(28 * GIB / 30)
    assert found.days_to_full == pytest.approx((100 - 45 - 11) / (28 / 30))


def test_what_does_not_fit_is_full_now_and_what_shrinks_is_never():
    repository = BackupRepositoryFactory.create(capacity_bytes=10 * GIB)
    vm = vm_of(repository, 20 * GIB)
    scheduled(repository, vm)
    assert only(repository).days_to_full == 0
    stored(repository, vm, 50, GIB)
    stored(repository, vm, 40, GIB)
    BackupJob.objects.filter(snapshot_at__lt=NOW - timedelta(days=45)).update(pruned_at=NOW, pruned_reason="old")
    shrinking = only(repository)
    assert (shrinking.growth_bytes_per_day, shrinking.days_to_full) == (pytest.approx(-GIB / 30), None)
    assert "not grown" in shrinking.why


def test_number_of_queries_is_the_same_for_many_repositories(django_assert_num_queries):
    for _ in range(4):
        repository = BackupRepositoryFactory.create(capacity_bytes=GIB)
        vm = vm_of(repository, GIB)
        scheduled(repository, vm)
        stored(repository, vm, 20, 5)
    with django_assert_num_queries(4):
        assert len(repository_capacity()) == 4


def test_capacity_over_http_is_that_of_the_own_organization():
    repository = BackupRepositoryFactory.create(capacity_bytes=10 * GIB)
    BackupRepositoryFactory.create()
    stored(repository, vm_of(repository, GIB), 20, 5 * GIB)
    [told] = hub_of(repository.organization).get("repositories/capacity")
    assert (told["repository_id"], told["used_bytes"], told["planned_bytes"]) == (repository.pk, 5 * GIB, 0)
    assert told["days_to_full"] == pytest.approx(20, rel=0.01)


def test_the_page_of_a_repository_tells_what_the_api_tells_and_what_all_vms_would_take(client):
    repository = BackupRepositoryFactory.create(capacity_bytes=10 * GIB)
    other = BackupRepositoryFactory.create(organization=repository.organization, capacity_bytes=None)
    stored(repository, vm_of(repository, GIB), 20, 5 * GIB)
    scheduled(other, vm_of(repository, 2 * GIB, None))
    vm_of(BackupRepositoryFactory.create(), 64 * GIB)
    client.force_login(MembershipFactory.create(organization=repository.organization, user__is_staff=True).user)
    full, unknown = (
        " ".join(re.sub("<[^>]*>", " ", client.get(address).content.decode().partition("How full is it?")[2]).split())
        for address in (reverse("admin:backups_backuprepository_change", args=[row.pk]) for row in (repository, other))
    )
    assert "Stored 5 GiB of 10 GiB" in full and "In 30 days +5 GiB" in full
    assert "Full in 20 days At the pace of the last 30 days" in full
    assert "All managed VMs 3 GiB for a full back-up of 3 disks of 2 VMs" in full
    assert "VMs without a restore point 2 GiB for a full back-up of 2 disks of 1 VM" in full
    assert "as the capacity of 1 of them is unknown" in full
    assert "In 30 days unknown" in unknown and "Full in unknown Nobody has said how much it holds." in unknown
    assert "Planned 2 GiB of 1 VM that is scheduled to it and has no restore point" in unknown
