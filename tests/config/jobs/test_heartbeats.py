"""What a heartbeat costs, and that a late one writes to nothing that has been given away meanwhile."""

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from config.demo.factories import BackupJobFactory, FailoverJobFactory, ReplicationJobFactory, RestoreJobFactory
from config.jobs import claims
from config.jobs.engines import heartbeat
from config.jobs.refusals import StaleFence
from inventory.models import OperationClaim
from tests.config.api.client import hub_of
from tests.config.jobs.holding import hold

MOST = 4
"""Queries of a heartbeat, the look-up of the key included."""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("factory", "status"),
    [
        (ReplicationJobFactory, "running"),
        (FailoverJobFactory, "snapshotting"),
        (BackupJobFactory, "running"),
        (RestoreJobFactory, "running"),
    ],
)
def test_a_heartbeat_takes_as_many_queries_however_many_jobs_there_are(factory, status):
    job = factory.create(status=status, engine="engine-1")
    hold(job, fence=7, silent_for=30)
    hub = hub_of(job.vm.vcenter.organization)
    hub.post(f"jobs/{job.public_id}/heartbeat", fence=7)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            hub.post(f"jobs/{job.public_id}/heartbeat", fence=7)
        counts.append(sum(not query["sql"].startswith(("SAVEPOINT", "RELEASE")) for query in queries))
        for _ in range(3):
            hold(factory.create(status=status, engine="engine-2"))
    assert counts[0] == counts[1] <= MOST
    assert claims.lease_of(job).age < 10


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_that_waited_for_the_claim_finds_it_given_to_another():
    job = ReplicationJobFactory.create(status="running", engine="engine-1")
    hold(job, fence=7, silent_for=999)
    organization = job.vm_context.vcenter.organization
    said: list[type[Exception]] = []

    def beat() -> None:
        try:
            heartbeat(job.pk, 7, organization=organization)
        except Exception as error:
            said.append(type(error))
        finally:
            connection.close()

    with transaction.atomic():
        OperationClaim.objects.filter(pk=job.vm_context_id).update(fence=8)
        late = threading.Thread(target=beat)
        late.start()
        late.join(0.5)
        assert late.is_alive()
    late.join(20)
    assert said == [StaleFence]
    assert claims.lease_of(job).age > 900
