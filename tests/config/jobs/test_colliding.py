"""Clients at once at the same VMs: never two jobs on one, no error but a named refusal, and no event lost."""

from collections import Counter

import pytest

from config.demo.factories import BackupRepositoryFactory, TargetFactory, VcenterFactory, VMContextFactory
from config.jobs.kinds import kinds
from config.jobs.models import JobEvent
from inventory.models import OperationClaim
from tests.config.jobs.colliding import collide


@pytest.mark.django_db(transaction=True)
def test_clients_at_once_never_get_two_jobs_on_one_vm_and_lose_no_event():
    collides(vms=3, clients=8, attempts=160)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_32_clients_with_10_000_attempts_at_8_vms():
    collides(vms=8, clients=32, attempts=10_000)


def collides(*, vms: int, clients: int, attempts: int) -> None:
    vcenter = VcenterFactory.create()
    wanted = VMContextFactory.create_batch(vms, vcenter=vcenter)
    related = {
        "target": TargetFactory.create(organization=vcenter.organization),
        "repository": BackupRepositoryFactory.create(organization=vcenter.organization),
    }
    seen = collide(wanted, related, clients=clients, attempts=attempts, seed=1)
    assert seen.errors == []
    assert seen.unnamed == []
    assert set(seen.refused) <= {"claim_held", "claim_just_freed"}
    assert sum(seen.created.values()) + sum(seen.refused.values()) == attempts // clients * clients
    print(f"{dict(seen.created)} created, {dict(seen.refused)} refused")
    agrees_with_what_was_done(seen)


def agrees_with_what_was_done(seen) -> None:
    jobs = [job for kind in kinds() for job in kind.model.objects.all()]
    assert Counter(job.KIND for job in jobs) == seen.created
    held = {claim.pk: claim.holder_id for claim in OperationClaim.objects.exclude(holder_id=None)}
    assert Counter(held.values()) == Counter(job.public_id for job in jobs if job.is_active)
    events = Counter(JobEvent.objects.values_list("job_id", flat=True))
    for job in jobs:
        statuses = list(
            JobEvent.objects.filter(job_id=job.public_id).order_by("id").values_list("from_status", "to_status")
        )
        assert [before for before, _ in statuses] == [None, *(after for _, after in statuses[:-1])]
        assert statuses[-1][1] == job.status
        assert events[job.public_id] == len(statuses) >= 1
    taken = [
        (before, after)
        for before, after in JobEvent.objects.values_list("from_status", "to_status")
        if before == after or (before, after) in {("pending", "running"), ("pending", "validating")}
    ]
    fences = sum(OperationClaim.objects.values_list("fence", flat=True))
    assert fences == sum(seen.created.values()) + len(taken)
