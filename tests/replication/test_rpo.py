"""How old a copy is, and when it was too old."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from config.demo.factories import (
    ProtectionFactory,
    ReplicationDiskFactory,
    ReplicationJobFactory,
    VMContextFactory,
    VMDiskFactory,
)
from replication.rpo import Breach, RpoState, breach_intervals, rpo_of

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = 3600


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("points", "breaches"),
    [
        ([], []),
        ([(0, 1), (3, 4), (6, 7)], []),
        ([(0, 1), (6, 7)], [(4, 7)]),
        ([(0, 1)], [(4, None)]),
        ([(0, 1), (1, 9), (8, 10)], [(4, 10)]),
        ([(0, 1), (5, 6), (2, 7)], [(4, 6), (9, None)]),
        ([(0, 9)], [(9, None)]),
        ([(-9, -8), (3, 4)], [(0, 4), (7, None)]),
        ([(0, 1), (7, 11)], [(4, None)]),
    ],
)
def test_a_breach_lasts_from_when_the_newest_copy_was_too_old_until_a_younger_one_was_there(points, breaches):
    found = breach_intervals(((at(a), at(b)) for a, b in points), timedelta(hours=4), START, at(10))
    assert found == [Breach(at(a), None if b is None else at(b)) for a, b in breaches]


def test_breaches_are_what_a_clock_would_see_minute_by_minute():
    chance = random.Random(7)
    for _ in range(60):
        rpo = timedelta(minutes=chance.randrange(1, 120))
        snapshots = [chance.randrange(-200, 500) for _ in range(chance.randrange(8))]
        points = [(each, each + chance.randrange(1, 90)) for each in snapshots]
        found = breach_intervals(((minute(a), minute(b)) for a, b in points), rpo, minute(0), minute(500))
        for now in range(500):
            there = [a for a, b in points if b <= now]
            too_old = bool(there) and minute(now) >= minute(max(there)) + rpo
            assert too_old == any(each.begin <= minute(now) < (each.end or minute(500)) for each in found), (
                points,
                now,
            )


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


@pytest.fixture
def vm(db):
    vm = VMContextFactory.create()
    VMDiskFactory.create_batch(2, vm_context=vm)
    ProtectionFactory.create(vm_context=vm, rpo_seconds=HOUR)
    return vm


def copied(vm, *, hours_ago: float, disks=None, status="completed"):
    now = timezone.now()
    job = ReplicationJobFactory.create(
        vm_context=vm, status=status, snapshot_at=now - timedelta(hours=hours_ago), created_at=now
    )
    for disk in disks or vm.disks.all():
        ReplicationDiskFactory.create(job=job, vm_disk=disk, status=status)
    return job


def answer(vm):
    return rpo_of([vm], timezone.now())[vm.pk]


def test_a_copy_of_all_disks_that_is_young_enough_meets_the_rpo(vm):
    copied(vm, hours_ago=5)
    copied(vm, hours_ago=0.5)
    found = answer(vm)
    assert (found.state, 1799 < found.age_seconds < 1900, found.since) == (RpoState.MET, True, None)


def test_a_copy_that_is_too_old_breaches_it_since_it_was(vm):
    job = copied(vm, hours_ago=2)
    found = answer(vm)
    assert (found.state, found.since) == (RpoState.BREACHED, job.snapshot_at + timedelta(hours=1))


def test_what_nobody_can_say_is_unknown(vm):
    assert (answer(vm).state, answer(vm).reason) == (RpoState.UNKNOWN, "It was never copied completely.")
    job = copied(vm, hours_ago=9)
    assert answer(vm).state == RpoState.BREACHED
    long_ago = timezone.now() - timedelta(hours=8)
    type(job).objects.update(created_at=long_ago, started_at=long_ago, progress_at=long_ago, completed_at=long_ago)
    assert answer(vm).reason == "No engine has said anything of it for 3 RPO."
    copied(vm, hours_ago=0.1, status="failed")
    assert answer(vm).state == RpoState.BREACHED
    copied(vm, hours_ago=0.1)
    assert answer(vm).state == RpoState.MET
    new = VMDiskFactory.create(vm_context=vm)
    assert answer(vm).reason == f"Its newest copy does not hold {new.disk_id}."
    vm.protection.delete()
    assert answer(vm).state == RpoState.UNKNOWN


def test_the_queries_do_not_grow_with_the_vms(vm, django_assert_num_queries):
    vms = [vm]
    for _ in range(4):
        another = VMContextFactory.create(vcenter=vm.vcenter)
        VMDiskFactory.create(vm_context=another)
        ProtectionFactory.create(vm_context=another)
        copied(another, hours_ago=0.2)
        vms.append(another)
    with django_assert_num_queries(3):
        found = rpo_of(vms, timezone.now())
    assert len(found) == 5
