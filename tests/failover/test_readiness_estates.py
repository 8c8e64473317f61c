"""Readiness of whole estates equals what a person would look up row by row."""

from collections import Counter

import pytest
from django.db import transaction
from django.utils import timezone

from failover.findings import CODES
from failover.readiness import readiness_of, readiness_of_all
from inventory.models import VMContext
from tests.failover.estates import Estate
from tests.failover.reference import reference

pytestmark = pytest.mark.django_db


def compare(seed: int, seen: Counter[str]) -> None:
    with transaction.atomic():
        Estate(seed)
        now = timezone.now()
        for found in readiness_of_all(VMContext.objects.all(), now=now):
            facts = [
                (each.code.name, each.applies_to, each.subject, each.is_unknown, each.since) for each in found.findings
            ]
            vm = VMContext.objects.get(pk=found.vm_context_id)
            assert sorted(facts, key=str) == reference(vm, now), f"estate {seed}, {vm.name}"
            assert readiness_of(vm, now=now) == found
            seen.update(each.code.name for each in found.findings)
            assert all(each.sentence and "{" not in each.sentence for each in found.findings)
        transaction.set_rollback(True)


def test_readiness_of_some_estates_is_what_a_person_would_find():
    seen: Counter[str] = Counter()
    for seed in range(16):
        compare(seed, seen)
    assert set(seen) == set(CODES)


@pytest.mark.slow
def test_readiness_of_500_estates_is_what_a_person_would_find():
    for seed in range(500):
        compare(seed, Counter())
